// SPDX-License-Identifier: GPL-3.0-or-later
// The vocabulary says which id a text has, the merges say how it is made; both must agree to the last entry.
#include "engine/data/gpt2_files.h"

#include <optional>
#include <unordered_map>

#include "engine/base/atomic_file.h"
#include "engine/data/byte_map.h"
#include "engine/data/flat_json.h"

namespace serp {
namespace {

constexpr std::uint64_t kMaxFile = 256u << 20;
constexpr std::int64_t kMaxId = (1 << 24) - 1;
constexpr std::size_t kMaxFaults = 20;

/// Collects faults of one file, the first twenty of them.
class FaultList {
 public:
  explicit FaultList(std::string file) : file_(std::move(file)) { list_.exit = ExitCode::BadData; }
  void add(int line, int column, std::string message) {
    if (list_.items.size() < kMaxFaults) list_.items.push_back({Severity::Error, file_, line, column, {}, std::move(message), {}, 0});
  }
  bool full() const { return list_.items.size() >= kMaxFaults; }
  bool any() const { return !list_.items.empty(); }
  const Diagnostics& list() const { return list_; }

 private:
  std::string file_;
  Diagnostics list_;
};

bool isSpecial(std::string_view text) { return text.size() > 4 && text.starts_with("<|") && text.ends_with("|>"); }

std::string shown(std::string_view text) { return "\"" + std::string(text.substr(0, 60)) + "\""; }

/// Makes the merges one by one; a part must be a byte or made by an earlier line.
class MergeReader {
 public:
  MergeReader(BpeModel& model, const std::unordered_map<std::string, std::int32_t>& ids, FaultList& faults)
      : model_(model), ids_(ids), faults_(faults), made_(model.pieces.size(), 0) {
    for (const std::int32_t id : model.byteIds) made_[static_cast<std::size_t>(id)] = 1;
  }
  void line(std::string_view text, int number) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == text.size() || text.find(' ', space + 1) != std::string_view::npos)
      return faults_.add(number, 1, "found " + shown(text) + ", expected two texts with one space between them; the file may be cut");
    const auto left = part(text.substr(0, space), number, 1);
    const auto right = part(text.substr(space + 1), number, static_cast<int>(space) + 2);
    if (!left || !right) return;
    const std::string whole = model_.pieces[static_cast<std::size_t>(*left)] + model_.pieces[static_cast<std::size_t>(*right)];
    const auto found = ids_.find(whole);
    if (found == ids_.end())
      return faults_.add(number, 1, "the result " + shown(byteMapText(whole)) + " is not in the vocabulary; this line or the vocabulary is cut");
    char& made = made_[static_cast<std::size_t>(found->second)];
    if (made) return faults_.add(number, 1, "the result " + shown(byteMapText(whole)) + " was made before; each text may be made once");
    made = 1;
    model_.merges.push_back({*left, *right, found->second});
  }
  bool made(std::size_t id) const { return made_[id] != 0; }

 private:
  std::optional<std::int32_t> part(std::string_view text, int number, int column) {
    const auto bytes = byteMapBytes(text);
    if (!bytes) {
      faults_.add(number, column, shown(text) + " holds a character outside GPT-2's byte map");
      return std::nullopt;
    }
    const auto found = ids_.find(*bytes);
    if (found != ids_.end() && made_[static_cast<std::size_t>(found->second)]) return found->second;
    faults_.add(number, column, shown(text) + " is neither a byte nor made by a line before this one; lines may be swapped or missing");
    return std::nullopt;
  }
  BpeModel& model_;
  const std::unordered_map<std::string, std::int32_t>& ids_;
  FaultList& faults_;
  std::vector<char> made_;
};

/// Fills pieces, byteIds and specials; `ids` gets the id of each run of bytes.
void readVocabulary(const std::vector<FlatEntry>& entries, BpeModel& model, std::unordered_map<std::string, std::int32_t>& ids,
                    FaultList& faults) {
  const auto n = static_cast<std::int64_t>(entries.size());
  std::vector<const FlatEntry*> byId(entries.size(), nullptr);
  model.pieces.resize(entries.size());
  for (const FlatEntry& entry : entries) {
    if (entry.value >= n) {
      faults.add(entry.line, entry.column, shown(entry.key) + " has id " + std::to_string(entry.value) + ", but there are only " +
                                               std::to_string(n) + " entries: ids must run from 0 without holes");
      continue;
    }
    const FlatEntry*& owner = byId[static_cast<std::size_t>(entry.value)];
    if (owner) {
      faults.add(entry.line, entry.column, "id " + std::to_string(entry.value) + " of " + shown(entry.key) + " belongs to " + shown(owner->key));
      continue;
    }
    owner = &entry;
    const auto id = static_cast<std::int32_t>(entry.value);
    const bool special = isSpecial(entry.key);
    const auto bytes = special ? std::optional(entry.key) : byteMapBytes(entry.key);
    if (!bytes || bytes->empty()) {
      faults.add(entry.line, entry.column, shown(entry.key) + (bytes ? " is empty" : " holds a character outside GPT-2's byte map"));
      continue;
    }
    model.pieces[static_cast<std::size_t>(id)] = *bytes;
    if (special) model.specials.emplace_back(entry.key, id);
    ids.emplace(*bytes, id);
  }
  for (std::size_t id = 0; id < byId.size() && !faults.full(); ++id)
    if (!byId[id]) faults.add(0, 0, "id " + std::to_string(id) + " is missing: ids must run from 0 without holes");
  for (const std::uint8_t b : gpt2ByteOrder()) {
    const auto found = ids.find(std::string(1, static_cast<char>(b)));
    if (found == ids.end()) faults.add(0, 0, "byte " + std::to_string(b) + " (" + shown(byteMapText(std::string(1, static_cast<char>(b)))) + ") has no id");
    else model.byteIds[b] = found->second;
  }
}

}  // namespace

Result<BpeModel> readGpt2Files(const std::filesystem::path& vocabulary, const std::filesystem::path& merges) {
  const auto vocabularyText = readFileCapped(vocabulary, kMaxFile, ExitCode::BadData);
  const auto mergesText = readFileCapped(merges, kMaxFile, ExitCode::BadData);
  if (!vocabularyText || !mergesText) {
    Diagnostics d = vocabularyText ? mergesText.faults() : vocabularyText.faults();
    if (!vocabularyText && !mergesText) d.append(mergesText.faults());
    return d;
  }
  const auto entries = readFlatJson(*vocabularyText, vocabulary.string(), kMaxId);
  if (!entries) return entries.faults();
  BpeModel model;
  std::unordered_map<std::string, std::int32_t> ids;
  FaultList inVocabulary(vocabulary.string()), inMerges(merges.string());
  readVocabulary(*entries, model, ids, inVocabulary);
  if (inVocabulary.any()) return inVocabulary.list();

  MergeReader reader(model, ids, inMerges);
  int number = 0;
  for (std::string_view rest = *mergesText; !rest.empty() && !inMerges.full();) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (++number == 1 && line.starts_with("#version:")) continue;
    if (line.empty() && rest.empty()) continue;
    reader.line(line, number);
  }
  if (inMerges.any()) return inMerges.list();
  std::size_t unmade = 0, first = 0;
  for (std::size_t id = 0; id < model.pieces.size(); ++id)
    if (!reader.made(id) && !isSpecial(model.pieces[id]) && ++unmade == 1) first = id;
  if (unmade > 0)
    inMerges.add(number, 1, "the file ends here, but " + std::to_string(unmade) + " entries of the vocabulary are made by no line, the first is " +
                                shown(byteMapText(model.pieces[first])) + ": the file is cut or belongs to another vocabulary");
  if (inMerges.any()) return inMerges.list();
  return model;
}

}  // namespace serp
