// SPDX-License-Identifier: GPL-3.0-or-later
// Definitions in the program win over libc's for everything linked into it, so no code under test knows about this.
#include "failing_calls.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <QDirIterator>
#include <QStringList>
#include <cerrno>
#include <cstdio>

namespace serp::test {
namespace {

thread_local int callsSeen = 0;
thread_local int failAt = 0;
thread_local int failError = 0;
thread_local bool failLater = false;

bool failsNow() {
  if (failAt == 0) return false;
  ++callsSeen;
  if (callsSeen != failAt && !(failLater && callsSeen > failAt)) return false;
  errno = failError;
  return true;
}

}  // namespace

void failCall(int nth, int error, bool andAllLater) {
  callsSeen = 0;
  failAt = nth;
  failError = error;
  failLater = andAllLater;
}

int stopFailing() {
  failAt = 0;
  return callsSeen;
}

QString leftoversUnder(const QString& folder) {
  QStringList found;
  QDirIterator it(folder, QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
  while (it.hasNext()) {
    it.next();
    if (it.fileName().contains(QLatin1String(".tmp"))) found << it.filePath();
  }
  return found.join(QLatin1Char('\n'));
}

}  // namespace serp::test

using serp::test::failsNow;

extern "C" {

ssize_t write(int fd, const void* data, size_t bytes) {
  if (failsNow()) return -1;
  return syscall(SYS_write, fd, data, bytes);
}

int fsync(int fd) {
  if (failsNow()) return -1;
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int close(int fd) {
  const bool fail = failsNow();
  const int error = errno;
  const int result = static_cast<int>(syscall(SYS_close, fd));  // the system gives the number back even when it reports a fault
  if (!fail) return result;
  errno = error;
  return -1;
}

int rename(const char* from, const char* to) noexcept {
  if (failsNow()) return -1;
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int fromFolder, const char* from, int toFolder, const char* to, unsigned flags) noexcept {
  if (failsNow()) return -1;
  return static_cast<int>(syscall(SYS_renameat2, fromFolder, from, toFolder, to, flags));
}

int ftruncate(int fd, off_t length) noexcept {
  if (failsNow()) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, fd, length));
}

}  // extern "C"
