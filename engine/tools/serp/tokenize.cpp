// SPDX-License-Identifier: GPL-3.0-or-later
// serp tokenize train|encode|decode: a byte-level BPE made, and any tokenizer applied.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "engine/base/atomic_file.h"
#include "engine/base/text.h"
#include "engine/data/tokenizer.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

constexpr std::uint64_t kMostText = std::uint64_t{4} << 30;

struct Options {
  std::string tokenizer = "bytes", out;
  std::optional<std::string> text, ids;
  std::vector<std::string> files, specials;
  int vocab = 4096;
  bool json = false, matchSpecials = false;
};

/// The text of --text, else of the files one after another, else of stdin.
Result<std::string> input(const Options& o) {
  if (o.text) return *o.text;
  std::string all;
  for (const std::string& file : o.files) {
    auto text = readFileCapped(file, kMostText, ExitCode::BadData);
    if (!text) return text.faults();
    all += *text;
  }
  if (o.files.empty()) all.assign(std::istreambuf_iterator<char>(std::cin), {});
  return all;
}

bool showProgress(void*, std::int64_t done, std::int64_t total) {
  std::fprintf(stderr, "\rmerge %lld of %lld", static_cast<long long>(done), static_cast<long long>(total));
  return true;
}

int train(const Options& o) {
  auto text = input(o);
  if (!text) return report(text.faults());
  BpeTraining settings;
  settings.vocabSize = o.vocab;
  settings.specials = o.specials;
  auto trained = trainBpe(*text, settings, interactive() ? showProgress : nullptr);
  if (interactive()) std::fprintf(stderr, "\r\033[K");
  if (!trained) return report(trained.faults());
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  if (auto saved = (*trained)->save(o.out); !saved) return report(saved.faults());
  if (o.json) print({{"tokenizer", "bpe:" + o.out}, {"vocab", (*trained)->vocabSize()}, {"fingerprint", (*trained)->fingerprint()}});
  else std::printf("%s: %d tokens; use it as --tokenizer bpe:%s\n", o.out.c_str(), (*trained)->vocabSize(), o.out.c_str());
  return 0;
}

int encode(const Options& o) {
  auto text = input(o);
  if (!text) return report(text.faults());
  auto tokenizer = openTokenizer(o.tokenizer, *text);
  if (!tokenizer) return report(tokenizer.faults());
  std::vector<std::int32_t> ids;
  (*tokenizer)->encode(*text, ids, o.matchSpecials);
  std::string out;
  out.reserve(ids.size() * 6);
  for (const std::int32_t id : ids) out += (out.empty() ? "" : o.json ? "," : " ") + std::to_string(id);
  std::printf(o.json ? "{\"ids\":[%s]}\n" : "%s\n", out.c_str());
  return 0;
}

int decode(const Options& o) {
  auto tokenizer = openTokenizer(o.tokenizer, {});
  if (!tokenizer) return report(tokenizer.faults());
  auto text = o.ids ? Result<std::string>(*o.ids) : input(o);
  if (!text) return report(text.faults());
  std::vector<std::int32_t> ids;
  std::size_t at = 0;
  while (at < text->size()) {
    const std::size_t begin = text->find_first_not_of(" ,\t\r\n", at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(text->find_first_of(" ,\t\r\n", begin), text->size());
    const auto id = parseInteger(std::string_view(*text).substr(begin, end - begin));
    if (!id || *id < 0 || *id >= (*tokenizer)->vocabSize())
      return fail(ExitCode::BadData, "token " + std::to_string(ids.size()) + " is \"" + text->substr(begin, std::min<std::size_t>(end - begin, 40)) +
                                         "\", ids are 0.." + std::to_string((*tokenizer)->vocabSize() - 1));
    ids.push_back(static_cast<std::int32_t>(*id));
    at = end;
  }
  const std::string decoded = (*tokenizer)->decode(ids);
  if (o.json) print({{"text", decoded}});
  else std::cout << decoded << "\n";
  return 0;
}

}  // namespace

void addTokenize(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("tokenize", "trains a byte-level BPE, encodes, decodes");
  verb->require_subcommand(1);
  const auto common = [&](const char* name, const char* summary, int (*action)(const Options&)) {
    CLI::App* sub = verb->add_subcommand(name, summary);
    sub->add_flag("--json", o->json, "one JSON document on stdout");
    sub->callback([o, &exit, action] { exit = action(*o); });
    return sub;
  };
  CLI::App* trainVerb = common("train", "learns a vocabulary from text", train);
  trainVerb->add_option("FILE", o->files, "text files; none: stdin");
  trainVerb->add_option("--vocab", o->vocab, "size of the vocabulary")->check(CLI::Range(256, 1 << 20))->capture_default_str();
  trainVerb->add_option("--special", o->specials, "a special token, repeatable")->expected(1)->take_all();
  trainVerb->add_option("--out", o->out, "folder of the tokenizer's files")->required()->type_name("DIR");
  CLI::App* encodeVerb = common("encode", "text to ids", encode);
  encodeVerb->add_option("--tokenizer", o->tokenizer, "bytes, chars, bpe:DIR or gpt2:DIR")->capture_default_str();
  encodeVerb->add_option("--text", o->text, "the text itself");
  encodeVerb->add_flag("--specials", o->matchSpecials, "special tokens in the text become their ids");
  encodeVerb->add_option("FILE", o->files, "text files; none: stdin");
  CLI::App* decodeVerb = common("decode", "ids to text", decode);
  decodeVerb->add_option("--tokenizer", o->tokenizer, "bytes, bpe:DIR or gpt2:DIR")->capture_default_str();
  decodeVerb->add_option("--ids", o->ids, "ids, separated by commas or blanks");
  decodeVerb->add_option("FILE", o->files, "files of ids; none: stdin");
}

}  // namespace serp::cli
