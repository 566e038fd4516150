// SPDX-License-Identifier: GPL-3.0-or-later
// The other verbs, through their JSON: keys of the contract, and numbers that have to agree with each other.
#include <cmath>

#include "cli_testing.h"

using namespace serp::test;

namespace {

QString q(const std::string& text) { return QString::fromStdString(text); }
double total(const Json& list) {
  double sum = 0;
  for (const Json& x : list) sum += x.get<double>();
  return sum;
}

}  // namespace

class TstCliVerbs : public QObject {
  Q_OBJECT
  Room room_;
  Json json(const QStringList& arguments, const QByteArray& input = {}) {
    const Ran r = room_.run(arguments + QStringList{"--json"}, input);
    if (r.code != 0) qWarning("%s", r.err.c_str());
    return r.code == 0 ? r.json() : Json();
  }

 private Q_SLOTS:
  void initTestCase() {
    const std::string design = room_.write("tiny.yaml", tinyDesign());
    QCOMPARE(room_.run({"train", q(design), "--out", "run"}).code, 0);
  }

  void eval() {
    const Json own = json({"eval", "run"});
    for (const char* key : {"loss", "perplexity", "bits_per_byte", "accuracy", "tokens", "bytes"}) QVERIFY2(own.contains(key), key);
    QVERIFY(std::abs(own["perplexity"].get<double>() - std::exp(own["loss"].get<double>())) < 1e-9);
    QVERIFY(std::abs(own["bits_per_byte"].get<double>() - own["loss"].get<double>() / std::log(2.0)) < 1e-9);  // a token is a byte here
    // Each position once, whatever the batch and wherever windows end.
    room_.write("text.txt", std::string("the tall miller sees a quiet heron by the mill.\n").append(777, 'x'));
    const Json text = json({"eval", "run", "--data", "text.txt"});
    QCOMPARE(text["tokens"].get<int>(), 48 + 777 - 1);
    QCOMPARE(text["bytes"].get<int>(), 48 + 777 - 1);
    const Json older = json({"eval", "run", "--checkpoint", "20"});
    QCOMPARE(older["step"].get<int>(), 20);
    QVERIFY(older["loss"] != own["loss"]);
    const Json both = json({"eval", "run", "--data", "text.txt", "--data", "text.txt"});
    QCOMPARE(both["tokens"].get<int>(), 2 * (48 + 777) - 1);
  }

  void generate() {
    const Json a = json({"generate", "run", "--prompt", "the ", "--tokens", "40", "--seed", "3"});
    for (const char* key : {"prompt", "text", "tokens", "tokens_per_s"}) QVERIFY2(a.contains(key), key);
    QCOMPARE(a["tokens"].size(), std::size_t{40});
    QVERIFY(json({"generate", "run", "--prompt", "the ", "--tokens", "40", "--seed", "3"})["tokens"] == a["tokens"]);
    QVERIFY(json({"generate", "run", "--prompt", "the ", "--tokens", "40", "--seed", "4"})["tokens"] != a["tokens"]);
    // Greedy decoding follows the logits of a whole pass over the same ids.
    const Json greedy = json({"generate", "run", "--prompt", "the ", "--tokens", "6", "--temperature", "0"});
    std::string ids = "116,104,101,32";
    for (const Json& id : greedy["tokens"]) {
      const Json rows = json({"logits", "run", "--tokens", q(ids)})["logits"];
      const auto& row = rows.back();
      QCOMPARE(static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()), id.get<int>());
      ids += "," + std::to_string(id.get<int>());
    }
    const Ran plain = room_.run({"generate", "run", "--prompt", "the ", "--tokens", "40", "--seed", "3"});
    QVERIFY(q(plain.out).startsWith("the "));
    for (const QStringList& odd : {QStringList{"--top-k", "1"}, {"--top-p", "0.1"}, {"--prompt", ""}})
      QCOMPARE(json(QStringList{"generate", "run", "--tokens", "5"} + odd)["tokens"].size(), std::size_t{5});
  }

  void logits() {
    const Json whole = json({"logits", "run", "--tokens", "116,104,101,32,116,97"})["logits"];
    QCOMPARE(whole.size(), std::size_t{6});
    QCOMPARE(whole[0].size(), std::size_t{256});
    for (const char* prefill : {"0", "1", "4"}) {
      const Json pieces = json({"logits", "run", "--tokens", "116,104,101,32,116,97", "--prefill", prefill})["logits"];
      double worst = 0;
      for (std::size_t t = 0; t < 6; ++t)
        for (std::size_t v = 0; v < 256; ++v) worst = std::max(worst, std::abs(whole[t][v].get<double>() - pieces[t][v].get<double>()));
      QVERIFY2(worst < 2e-5, qPrintable(QString::number(worst)));
    }
  }

  void inspect() {
    const Json log = json({"inspect", "run"});
    QCOMPARE(log["step"].get<int>(), 30);
    QCOMPARE(log["layers"].size(), std::size_t{1});
    for (const char* key : {"path", "experts", "assigned", "kept", "drop_rate", "entropy", "max_violation", "cv", "dead"})
      QVERIFY2(log["layers"][0].contains(key), key);
    QCOMPARE(total(log["layers"][0]["assigned"]), double(log["window"].get<int>() * 2 * 32));  // every token of the window, once
    QVERIFY(total(log["layers"][0]["kept"]) <= total(log["layers"][0]["assigned"]));
    QCOMPARE(log["labels"].size(), std::size_t{6});  // babel's tongues
    for (const char* what : {"token", "label"}) {
      const Json& f = log["layers"][0]["specialisation"][what];
      QVERIFY(f["nmi"].get<double>() >= 0 && f["nmi"].get<double>() <= 1 && f.contains("shuffled"));
    }
    QCOMPARE(log["layers"][0]["tokens"].size(), std::size_t{4});
    QVERIFY(q(room_.run({"inspect", "run"}).out).contains("association"));
    QCOMPARE(json({"inspect", "run", "--step", "15"})["step"].get<int>(), 20);
    room_.write("text.txt", std::string(1500, 'a') + "tail");
    const Json text = json({"inspect", "run", "--text", "text.txt"});
    QCOMPARE(text["tokens"].get<int>(), 1504);
    const Json& layer = text["layers"][0];
    QCOMPARE(total(layer["assigned"]), 1504.0);
    QCOMPARE(layer["drop_rate"].get<double>(), 0.0);  // a text is routed without a limit
    QVERIFY(layer["specialisation"]["token"].contains("nmi") && layer["tokens"].size() == 4);
    // Two choices a token count twice.
    std::string design = tinyDesign("steps: 4, eval_every: 0, sample_every: 0");
    design.replace(design.find("switch_moe, experts: 4"), 22, "topk_moe, experts: 4, top_k: 2");
    room_.write("top2.yaml", design);
    QCOMPARE(room_.run({"train", "top2.yaml", "--out", "top2", "--set", "train.route_every=2"}).code, 0);
    const Json two = json({"inspect", "top2"});
    QCOMPARE(total(two["layers"][0]["assigned"]), double(2 * two["window"].get<int>() * 2 * 32));
    QCOMPARE(total(json({"inspect", "top2", "--text", "text.txt"})["layers"][0]["assigned"]), 2 * 1504.0);
  }

  void tokenize() {
    QVERIFY(json({"tokenize", "encode", "--text", "ab"})["ids"] == Json({97, 98}));
    QVERIFY(json({"tokenize", "encode", "--text", ""})["ids"] == Json::array());
    QVERIFY(json({"tokenize", "encode"}, "ab")["ids"] == Json({97, 98}));
    QCOMPARE(json({"tokenize", "decode", "--ids", "97, 98"})["text"].get<std::string>(), std::string("ab"));
    QCOMPARE(json({"tokenize", "train", "--vocab", "280", "--out", "bpe"}, QByteArray("low lower lowest ").repeated(30))["vocab"].get<int>() > 256, true);
    const Json ids = json({"tokenize", "encode", "--tokenizer", "bpe:bpe", "--text", "lowest low"})["ids"];
    QVERIFY(ids.size() < 10);
    std::string list;
    for (const Json& id : ids) list += std::to_string(id.get<int>()) + ",";
    QCOMPARE(json({"tokenize", "decode", "--tokenizer", "bpe:bpe", "--ids", q(list)})["text"].get<std::string>(), std::string("lowest low"));
    const fs::path gpt2 = fs::path(SERP_SHARED_DIR) / "data/gpt2";
    if (!fs::exists(gpt2)) QSKIP("the shared folder with GPT-2's vocabulary is not on this machine (SERP_SHARED_DIR)");
    QVERIFY(json({"tokenize", "encode", "--tokenizer", q("gpt2:" + gpt2.string()), "--text", "hello world"})["ids"] == Json({31373, 995}));
  }

  void trainOnOwnBpe() {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "low lower lowest slow slower " + std::to_string(i) + "\n";
    room_.write("corpus.txt", text);
    QCOMPARE(room_.run({"tokenize", "train", "--vocab", "300", "--out", "own", "corpus.txt"}).code, 0);
    QCOMPARE(room_.run({"train", "tiny.yaml", "--out", "own_run", "--steps", "5", "--set", "data.source=corpus.txt", "--set", "data.tokenizer=bpe:own"}).code, 0);
    fs::remove_all(room_.path("own"));  // the run has its own copy
    const Json e = json({"eval", "own_run", "--data", "corpus.txt"});
    QVERIFY(e["bytes"].get<double>() > 1.5 * e["tokens"].get<double>());
    QCOMPARE(room_.run({"train", "--resume", "own_run", "--steps", "7"}).code, 0);
  }

  void doctor() {
    const Json d = json({"doctor"});
    QVERIFY(d["version"].is_string() && d["cpu"]["name"].is_string() && d["cpu"]["cores"].is_number() && d["cpu"]["features"].is_array() && d["cpu"]["kernels"].is_string());
    QVERIFY(d["cuda"]["built"].is_boolean() && d["cuda"]["available"].is_boolean() && d["cuda"]["devices"].is_array());
    QVERIFY(d["libraries"].is_object() && d["libraries"].contains("torch"));
    QVERIFY(q(room_.run({"doctor"}).out).contains("kernels"));
  }

  void bench() {
    for (const char* mode : {"train", "decode"}) {
      const Ran r = room_.run({"bench", mode, "--model", "mamba", "--model", "moe_mamba", "--preset", "tiny", "--threads", "1", "--steps", "2", "--budget", "2", "--json"});
      QVERIFY2(r.code == 0, r.err.c_str());
      const auto lines = r.lines();
      QCOMPARE(lines.size(), std::size_t{2});
      for (const Json& line : lines)
        for (const char* key : {"model", "mode", "preset", "threads", "params", "active_params", "tokens_per_s", "peak_rss_mb"}) QVERIFY2(line.contains(key), key);
      QCOMPARE(lines[0]["model"].get<std::string>(), std::string("serpentarium-mamba"));
      QCOMPARE(lines[1]["mode"].get<std::string>(), std::string(mode));
      QVERIFY(lines[1]["active_params"] < lines[1]["params"]);
    }
  }

  void import() {
    const fs::path model = fs::path(SERP_SHARED_DIR) / "oracles/seed1/hf_mamba";
    if (!fs::exists(model)) QSKIP("the shared folder with the oracles is not on this machine (SERP_SHARED_DIR)");
    const Json j = json({"import", q(model.string()), "--out", "imported"});
    QVERIFY(j.contains("run") && j["params"].get<std::int64_t>() > 0);
    QCOMPARE(json({"logits", "imported", "--tokens", "1,2,3"})["logits"].size(), std::size_t{3});
    QCOMPARE(room_.run({"generate", "imported"}).code, 3);  // ids without a tokenizer are no text
    QCOMPARE(json({"runs", "imported"}).size(), std::size_t{1});
  }
};

QTEST_GUILESS_MAIN(TstCliVerbs)
#include "tst_cli_verbs.moc"
