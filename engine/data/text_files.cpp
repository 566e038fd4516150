// SPDX-License-Identifier: GPL-3.0-or-later
// Listing without following traps: FIFOs, devices, loops of links and binaries are named, never opened for long.
#include "engine/data/text_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/text.h"
#include "engine/data/watched_file.h"

namespace serp {
namespace {

namespace fs = std::filesystem;

bool hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::string readBeginning(int fd) {
  std::string bytes(kBinaryCheck, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

class Collector {
 public:
  void add(const std::string& source) {
    std::error_code error;
    const fs::path path(source);
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::directory) addFolder(path);
    else if (status.type() == fs::file_type::not_found) missing(source);
    else addFile(path, false);
  }
  Result<TextFiles> finish() {
    for (const auto& [what, names] : {std::pair("empty", &empty_), std::pair("binary", &binary_)})
      if (!names->empty()) found_.notices.push_back(skipped(what, *names));
    if (!faults_.items.empty()) return faults_;
    return std::move(found_);
  }

 private:
  void refuse(const fs::path& path, std::string why) {
    faults_.exit = ExitCode::BadData;
    if (faults_.items.size() < 20) faults_.append(fault(ExitCode::BadData, std::move(why), path.string()));
  }
  void missing(const std::string& source) {
    const std::vector<std::string> generated = {"babel", "selective_copy", "induction", "associative_recall"};
    const std::string near = source.find('/') == std::string::npos ? nearest(source, generated) : std::string();
    refuse(source, "no such file or folder" + (near.empty() ? std::string() : ", did you mean \"" + near + "\"?") +
                       " (generated sources are babel, selective_copy, induction and associative_recall)");
  }
  static std::string skipped(const char* what, const std::vector<std::string>& names) {
    std::string text = std::to_string(names.size()) + " " + what + (names.size() == 1 ? " file" : " files") + " skipped: ";
    for (std::size_t i = 0; i < names.size() && i < 3; ++i) text += (i ? ", " : "") + names[i];
    return text + (names.size() > 3 ? ", …" : "");
  }
  void addFolder(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> paths;
    fs::recursive_directory_iterator it(folder, error), end;
    for (; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (hidden(it->path())) {
        if (it->is_directory(ignored)) it.disable_recursion_pending();
      } else if (it->is_regular_file(ignored)) {
        paths.push_back(it->path());
      }
    }
    if (error) return refuse(folder, "cannot list this folder: " + error.message());
    std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
    const std::size_t before = found_.files.size();
    for (const fs::path& path : paths) addFile(path, true);
    if (found_.files.size() == before) refuse(folder, "no text in this folder (" + std::to_string(paths.size()) + " files looked at)");
  }
  void addFile(const fs::path& path, bool inFolder) {
    // O_NONBLOCK: a FIFO without a writer must not stop us here.
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info{};
    if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return refuse(path, std::string("cannot read: ") + std::strerror(errno));
    if (!S_ISREG(info.st_mode)) return refuse(path, "cannot read: not a regular file");
    TextFile file{path, static_cast<std::uint64_t>(info.st_size), mtimeNs(info), false, false};
    if (file.size == 0) {
      if (inFolder) empty_.push_back(path.filename().string());
      else refuse(path, "the file is empty (0 bytes)");
      return;
    }
    fs::path name = path.filename();
    if ((file.gzip = name.extension() == ".gz")) name = name.stem();
    file.lines = name.extension() == ".jsonl";
    if (const std::string why = file.gzip ? std::string() : binaryReason(readBeginning(fd.get())); !why.empty()) {
      if (inFolder) binary_.push_back(path.filename().string());
      else refuse(path, why);
      return;
    }
    found_.bytes += file.size;
    found_.files.push_back(std::move(file));
  }

  TextFiles found_;
  Diagnostics faults_;
  std::vector<std::string> empty_, binary_;
};

}  // namespace

std::string binaryReason(std::string_view beginning) {
  beginning = beginning.substr(0, kBinaryCheck);
  if (beginning.starts_with("\xFF\xFE") || beginning.starts_with("\xFE\xFF"))
    return "this is UTF-16 text; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)";
  if (const std::size_t nul = beginning.find('\0'); nul != std::string_view::npos)
    return "a binary file, not text: byte " + std::to_string(nul) + " is NUL";
  return {};
}

Result<TextFiles> collectTextFiles(const std::vector<std::string>& sources) {
  Collector collector;
  for (const std::string& source : sources) collector.add(source);
  return collector.finish();
}

}  // namespace serp
