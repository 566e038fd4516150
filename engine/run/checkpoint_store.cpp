// SPDX-License-Identifier: GPL-3.0-or-later
// Writing: temporary folder, files, manifest last, rename. Reading: newest first, first one that verifies wins.
#include "engine/run/checkpoint_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"
#include "engine/run/checkpoint_manifest.h"

namespace fs = std::filesystem;

namespace serp {
namespace {

constexpr const char* kKept = "earlier checkpoints are unchanged";
constexpr std::uint64_t kMaxManifestBytes = 1 << 20;

std::optional<std::int64_t> stepOf(const std::string& name) {
  if (!name.starts_with("step-") || name.size() < 13) return std::nullopt;
  std::int64_t step = 0;
  for (const char c : name.substr(5)) {
    if (c < '0' || c > '9' || step > std::int64_t{1} << 55) return std::nullopt;
    step = step * 10 + (c - '0');
  }
  return CheckpointStore::folderName(step) == name ? std::optional(step) : std::nullopt;
}

Result<WrittenFile> writeTensors(const fs::path& path, const std::vector<TensorBlob>& blobs, const TensorMetadata& metadata) {
  // Widest elements first: every tensor then lies at a multiple of its element size, which mapping readers want.
  std::vector<const TensorBlob*> order;
  order.reserve(blobs.size());
  for (const TensorBlob& blob : blobs) order.push_back(&blob);
  std::stable_sort(order.begin(), order.end(), [](const TensorBlob* a, const TensorBlob* b) {
    return storedTypeSize(a->type) > storedTypeSize(b->type);
  });
  std::vector<TensorDeclaration> declared;
  declared.reserve(order.size());
  for (const TensorBlob* blob : order) declared.push_back(*blob);
  auto writer = SafetensorsWriter::create(path, declared, metadata);
  if (!writer) return writer.faults();
  for (const TensorBlob* blob : order)
    if (auto done = writer->append(blob->data, *shapeBytes(blob->type, blob->shape)); !done) return done.faults();
  return writer->finish();
}

/// Empty if the file is as the manifest says, else what differs.
std::string difference(const fs::path& path, const WrittenFile& expected) {
  const std::string name = path.filename().string();
  auto fd = openForReading(path, ExitCode::BadData, false);
  if (!fd) return name + ": " + fd.faults().items.front().message;
  const std::uint64_t size = fileSize(fd->get());
  if (size != expected.bytes)
    return name + " has " + std::to_string(size) + " bytes, the manifest says " + std::to_string(expected.bytes);
  Sha256 hash;
  std::string buffer(std::min<std::uint64_t>(std::max<std::uint64_t>(size, 1), std::uint64_t{4} << 20), '\0');
  for (std::uint64_t at = 0; at < size;) {
    const std::uint64_t n = std::min<std::uint64_t>(buffer.size(), size - at);
    if (!readAt(fd->get(), buffer.data(), n, at)) return name + " cannot be read";
    hash.update(buffer.data(), n);
    at += n;
  }
  return hash.finish() == expected.sha256 ? std::string() : name + " has a different hash than the manifest says";
}

Result<Done> fill(const fs::path& folder, const CheckpointContent& content, std::uint64_t& bytes) {
  CheckpointManifest manifest;
  manifest.step = content.step;
  auto model = writeTensors(folder / "model.safetensors", content.model, content.metadata);
  if (!model) return model.faults();
  manifest.files["model.safetensors"] = *model;
  if (!content.optimizer.empty()) {
    auto optimizer = writeTensors(folder / "optimizer.safetensors", content.optimizer, {});
    if (!optimizer) return optimizer.faults();
    manifest.files["optimizer.safetensors"] = *optimizer;
  }
  if (auto done = writeFileAtomically(folder / "state.json", content.state); !done) return done;
  manifest.files["state.json"] = {content.state.size(), sha256(content.state)};
  for (const auto& entry : manifest.files) bytes += entry.second.bytes;
  return writeFileAtomically(folder / "manifest.json", manifestText(manifest));
}

/// Renames first, so that a kill halfway leaves a leftover and never half a checkpoint under a good name.
void removeCheckpoint(const fs::path& folder) {
  fs::path doomed = folder;
  doomed += ".old.tmp";
  std::error_code ignored;
  fs::remove_all(doomed, ignored);
  if (::rename(folder.c_str(), doomed.c_str()) == 0) fs::remove_all(doomed, ignored);
}

}  // namespace

std::string CheckpointSearch::refusedText() const {
  std::string out;
  for (const RefusedCheckpoint& r : refused) out += (out.empty() ? "" : "\n") + r.folder.filename().string() + " refused: " + r.why;
  return out;
}

CheckpointStore::CheckpointStore(const fs::path& run, int keep) : folder_(run / "checkpoints"), keep_(std::max(1, keep)) {}

std::string CheckpointStore::folderName(std::int64_t step) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "step-%08lld", static_cast<long long>(step));
  return buffer;
}

Result<Done> CheckpointStore::publish(const fs::path& temporary, const fs::path& final) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(final, ignored))) {
    // Same step again (a resumed run): swap, so that at no moment there is none. The loser then carries the temporary's name.
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, final.c_str(), RENAME_EXCHANGE) == 0) {
      auto synced = syncFolder(folder_);
      fs::remove_all(temporary, ignored);
      return synced;
    }
    if (errno != EINVAL && errno != ENOSYS) return writeFault(final, "rename", kKept);
    removeCheckpoint(final);  // a file system without exchange
  }
  if (::rename(temporary.c_str(), final.c_str()) != 0) return writeFault(final, "rename", kKept);
  return syncFolder(folder_);
}

Result<Checkpoint> CheckpointStore::write(const CheckpointContent& content) {
  SERP_CHECK(content.step >= 0, "step of a checkpoint");
  if (::mkdir(folder_.c_str(), 0755) != 0 && errno != EEXIST) return writeFault(folder_, "mkdir", "nothing was written");
  const Descriptor lock(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.isOpen()) return writeFault(folder_, "open of the folder", kKept);
  while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }

  Checkpoint written{folder_ / folderName(content.step), content.step, 0};
  fs::path temporary = written.folder;
  temporary += ".tmp";
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  if (::mkdir(temporary.c_str(), 0755) != 0) return writeFault(temporary, "mkdir", kKept);
  auto done = fill(temporary, content, written.bytes);
  if (done) done = publish(temporary, written.folder);
  if (!done) {
    fs::remove_all(temporary, ignored);
    return done.faults();
  }
  prune(content.step);
  return written;
}

void CheckpointStore::prune(std::int64_t justWritten) {
  std::vector<std::int64_t> all = steps();
  // What was just written is known to be good and always stays, also when a resumed run went back behind newer ones.
  std::erase(all, justWritten);
  const auto others = static_cast<std::size_t>(keep_ - 1);
  for (std::size_t i = 0; i + others < all.size(); ++i) removeCheckpoint(folder_ / folderName(all[i]));
}

std::vector<std::int64_t> CheckpointStore::steps() const {
  std::vector<std::int64_t> out;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error))
    if (const auto step = stepOf(it->path().filename().string())) out.push_back(*step);
  std::sort(out.begin(), out.end());
  return out;
}

CheckpointSearch CheckpointStore::newestGood() const {
  CheckpointSearch search;
  const std::vector<std::int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    const fs::path folder = folder_ / folderName(*step);
    auto checked = verify(folder);
    if (checked) {
      search.found = *checked;
      return search;
    }
    search.refused.push_back({folder, checked.faults().items.front().message});
  }
  return search;
}

Result<Checkpoint> CheckpointStore::at(std::int64_t step) const {
  const fs::path folder = folder_ / folderName(step);
  std::error_code ignored;
  if (fs::exists(folder, ignored)) return verify(folder);
  std::string have;
  for (const std::int64_t s : steps()) have += (have.empty() ? "" : ", ") + std::to_string(s);
  return fault(ExitCode::BadData, "there is no checkpoint of step " + std::to_string(step) +
                                      (have.empty() ? "; this run has none" : "; there is " + have), folder_.string());
}

std::vector<std::string> CheckpointStore::cleanLeftovers() {
  std::vector<std::string> removed;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".tmp")) removed.push_back(name);
  }
  for (const std::string& name : removed) fs::remove_all(folder_ / name, error);
  return removed;
}

Result<Checkpoint> CheckpointStore::verify(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(fs::symlink_status(folder, ignored)))
    return fault(ExitCode::BadData, "this is not a folder (links are not followed)", folder.string());
  if (fs::is_symlink(fs::symlink_status(folder / "manifest.json", ignored)))
    return fault(ExitCode::BadData, "manifest.json is a symbolic link, which is not followed here", folder.string());
  const auto text = readFileCapped(folder / "manifest.json", kMaxManifestBytes, ExitCode::BadData);
  if (!text) {
    if (!fs::exists(folder / "manifest.json", ignored))
      return fault(ExitCode::BadData, "manifest.json is missing: the checkpoint was never finished", folder.string());
    return text.faults();
  }
  const auto manifest = parseManifest(*text, (folder / "manifest.json").string());
  if (!manifest) return manifest.faults();
  if (const auto named = stepOf(folder.filename().string()); named && *named != manifest->step)
    return fault(ExitCode::BadData, "the manifest is of step " + std::to_string(manifest->step), folder.string());
  Checkpoint out{folder, manifest->step, 0};
  for (const auto& [name, expected] : manifest->files) {
    if (const std::string why = difference(folder / name, expected); !why.empty())
      return fault(ExitCode::BadData, why, folder.string());
    out.bytes += expected.bytes;
  }
  return out;
}

}  // namespace serp
