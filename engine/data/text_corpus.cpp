// SPDX-License-Identifier: GPL-3.0-or-later
// The user's text: read in pieces, encoded at cuts that change nothing, split file by file.
#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/hash.h"
#include "engine/base/text.h"
#include "engine/data/json_lines.h"
#include "engine/data/sources.h"
#include "engine/data/window_corpus.h"

namespace serp {
namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr std::size_t kMaxUncut = 16 << 20;      // a run without any cut is cut here after all, to bound memory
constexpr std::size_t kMemoryTokens = 32 << 20;  // bytes of tokens kept in memory, without a cache file
constexpr std::size_t kDirectFiles = 64;         // descriptors held open when bytes are read where they lie
constexpr std::size_t kSample = 16 << 20;

/// Encodes a text that comes in chunks.
class StreamEncoder {
 public:
  StreamEncoder(const Tokenizer& tokenizer, TokenSink& sink, std::string name)
      : tokenizer_(tokenizer), sink_(sink), name_(std::move(name)), strict_(tokenizer.kind() == "chars") {}
  void add(std::string_view text) {
    pending_ += text;
    if (pending_.size() < kChunk) return;
    std::size_t cut = tokenizer_.safeCut(pending_);
    if (cut == 0 && pending_.size() < kMaxUncut) return;
    if (cut == 0) cut = pending_.size();
    encode(cut);
  }
  void finish() { encode(pending_.size()); }

 private:
  void encode(std::size_t cut) {
    const std::string_view text = std::string_view(pending_).substr(0, cut);
    if (const auto bad = strict_ ? firstBadUtf8(text) : std::nullopt)
      throw Error(fault(ExitCode::BadData, "not UTF-8 at byte " + std::to_string(done_ + *bad) +
                                               "; convert the file, or take the tokenizer bytes, bpe or gpt2", name_));
    ids_.clear();
    static_cast<const Tokenizer&>(tokenizer_).encode(text, ids_, false);
    sink_.add(ids_);
    sink_.addTextBytes(cut);
    done_ += cut;
    pending_.erase(0, cut);
  }
  const Tokenizer& tokenizer_;
  TokenSink& sink_;
  std::string name_, pending_;
  bool strict_;
  std::uint64_t done_ = 0;
  std::vector<std::int32_t> ids_;
};

void leaveIfCancelled(const DataSettings& settings) {
  if (settings.cancelled && settings.cancelled()) throw Error(ExitCode::Interrupted, "stopped while the text was read");
}

void encodeFile(const TextFile& file, const DataSettings& settings, const Tokenizer& tokenizer, bool first, TokenSink& sink) {
  const std::string& field = settings.field;
  sink.beginFile();
  const std::int32_t separator = tokenizer.endOfText();
  const auto separate = [&](bool lines) {
    if (separator >= 0) {
      sink.add({&separator, 1});
    } else if (lines) {
      sink.add(tokenizer.encode("\n"));
      sink.addTextBytes(1);
    }
  };
  const auto stream = ByteStream::open(file);
  if (!first) separate(false);
  if (file.lines) {
    bool firstDocument = true;
    const std::string notice = readJsonLines(*stream, file.path.string(), field, [&](std::string_view text) {
      if (!firstDocument) separate(true);
      firstDocument = false;
      leaveIfCancelled(settings);
      StreamEncoder encoder(tokenizer, sink, file.path.string());
      encoder.add(text);
      encoder.finish();
    });
    if (!notice.empty()) sink.addNotice(notice);
    return;
  }
  StreamEncoder encoder(tokenizer, sink, file.path.string());
  std::string chunk(kChunk, '\0');
  bool beginning = true;
  while (const std::size_t n = stream->read(chunk.data(), chunk.size())) {
    const std::string_view text(chunk.data(), n);
    const std::string why = beginning && file.gzip ? binaryReason(text) : std::string();
    if (!why.empty()) throw Error(fault(ExitCode::BadData, why, file.path.string()));
    beginning = false;
    leaveIfCancelled(settings);
    encoder.add(text);
  }
  encoder.finish();
}

/// Everything the tokens depend on, and nothing else.
std::string cacheKey(const TextFiles& text, const Tokenizer& tokenizer, const std::string& field) {
  std::string all = "1\n" + tokenizer.fingerprint() + "\n" + field + "\n";
  for (const TextFile& file : text.files) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(file.path, error);
    all += absolute.string() + '\0' + std::to_string(file.size) + ' ' + std::to_string(file.mtimeNs) + '\n';
  }
  return sha256(all);
}

TokenizedText tokenize(const TextFiles& text, const Tokenizer& tokenizer, const DataSettings& settings) {
  const bool plain = std::none_of(text.files.begin(), text.files.end(), [](const TextFile& f) { return f.lines || f.gzip; });
  if (plain && tokenizer.kind() == "bytes" && text.files.size() <= kDirectFiles) {
    TokenizedText direct{makeByteTokens(text.files), {}, text.bytes, {}};
    std::uint64_t at = 0;
    for (const TextFile& file : text.files) direct.files.push_back({at, at + file.size}), at += file.size;
    return direct;
  }
  const std::filesystem::path folder = tokenCacheFolder(settings.cacheFolder);
  const std::string key = cacheKey(text, tokenizer, settings.field);
  if (auto cached = openTokenCache(folder, key, tokenizer.vocabSize())) return std::move(*cached);
  TokenSink sink(folder, key, tokenizer.vocabSize(), kMemoryTokens);
  for (const TextFile& file : text.files) encodeFile(file, settings, tokenizer, &file == &text.files.front(), sink);
  return sink.finish();
}

/// The beginning of every file, an equal share each: where "chars" takes its alphabet from.
std::string sampleText(const TextFiles& text, const std::string& field) {
  std::string sample;
  const std::size_t share = std::max<std::size_t>(kSample / text.files.size(), 4096);
  struct Enough {};
  for (const TextFile& file : text.files) {
    const std::size_t limit = sample.size() + share;
    const auto stream = ByteStream::open(file);
    try {
      if (file.lines)
        readJsonLines(*stream, file.path.string(), field, [&](std::string_view t) {
          sample.append(t).append("\n");
          if (sample.size() >= limit) throw Enough{};
        });
      std::string chunk(std::min(share, kChunk), '\0');
      while (sample.size() < limit && !file.lines) {
        const std::size_t n = stream->read(chunk.data(), std::min(chunk.size(), limit - sample.size()));
        if (n == 0) break;
        sample.append(chunk, 0, n);
      }
    } catch (const Enough&) {
    }
  }
  return sample;
}

std::string describe(const DataSettings& settings, const TextFiles& text, std::uint64_t bytes) {
  const auto name = [](std::filesystem::path path) {
    if (!path.has_filename()) path = path.parent_path();
    return path.filename().string();
  };
  std::string out = name(settings.source.front());
  if (settings.source.size() > 1) out += " and " + std::to_string(settings.source.size() - 1) + " more";
  if (text.files.size() > 1) out += ", " + std::to_string(text.files.size()) + " files";
  return out + ", " + bytesText(static_cast<double>(bytes));
}

/// The last `fraction` of every file is held out, so that validation sees every file and training none of those tokens. Where that
/// gives less than a window, the last tokens of the whole text are held out instead.
void split(const TokenizedText& text, double fraction, std::int64_t context, WindowParts& parts) {
  const auto window = static_cast<std::uint64_t>(context) + 1;
  std::uint64_t total = 0, held = 0;
  for (const TokenSpan& file : text.files) {
    const auto last = static_cast<std::uint64_t>(static_cast<double>(file.end - file.begin) * fraction);
    parts.train.push_back({file.begin, file.end - last});
    parts.validation.push_back({file.end - last, file.end});
    total += file.end - file.begin;
    held += last;
  }
  const std::uint64_t needed = fraction > 0 ? 2 * window : window;
  if (total < needed) refuseShort(parts.facts.description, total, text.textBytes, needed, context, fraction > 0);
  if (fraction <= 0 || (held >= window && total - held >= window)) return;
  const std::uint64_t last = std::clamp(static_cast<std::uint64_t>(static_cast<double>(total) * fraction), window, total - window);
  parts.train = {{0, total - last}};
  parts.validation = {{total - last, total}};
}

WindowParts openParts(const DataSettings& settings, const TextFiles& files, std::shared_ptr<const Tokenizer> tokenizer, TokenizedText& text) {
  WindowParts parts;
  parts.tokenizer = std::move(tokenizer);
  text = tokenize(files, *parts.tokenizer, settings);
  parts.context = settings.context;
  parts.batch = settings.batch;
  parts.seed = settings.seed;
  parts.facts.description = describe(settings, files, text.textBytes);
  parts.facts.textBytes = static_cast<std::int64_t>(text.textBytes);
  parts.facts.notices = files.notices;
  parts.facts.notices.insert(parts.facts.notices.end(), text.notices.begin(), text.notices.end());
  return parts;
}

TextFiles collected(const DataSettings& settings) {
  auto files = collectTextFiles(settings.source);
  if (!files) throw Error(files.faults());
  return std::move(*files);
}

}  // namespace

std::unique_ptr<Corpus> openTextCorpus(const DataSettings& settings) {
  const TextFiles files = collected(settings);
  TokenizedText text;
  WindowParts parts = openParts(settings, files, chooseTokenizer(settings, [&] { return sampleText(files, settings.field); }), text);
  split(text, settings.validationFraction, settings.context, parts);
  parts.tokens = std::move(text.tokens);
  return makeWindowCorpus(std::move(parts));
}

std::unique_ptr<Corpus> openWholeText(const DataSettings& settings, std::shared_ptr<const Tokenizer> tokenizer) {
  const TextFiles files = collected(settings);
  TokenizedText text;
  WindowParts parts = openParts(settings, files, std::move(tokenizer), text);
  if (text.tokens->size() < 2) refuseShort(parts.facts.description, text.tokens->size(), text.textBytes, 2, 1, false);
  parts.validation = {{0, text.tokens->size()}};
  parts.tokens = std::move(text.tokens);
  return makeWindowCorpus(std::move(parts));
}

}  // namespace serp
