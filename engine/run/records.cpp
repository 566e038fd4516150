// SPDX-License-Identifier: GPL-3.0-or-later
// Spelling and reading the lines of a run's logs.
#include "engine/run/records.h"

#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/text.h"

namespace serp {
namespace {

using Json = nlohmann::json;

std::string number(double value) { return std::isfinite(value) ? numberText(value) : "null"; }

std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Collects "key":value pairs; by hand because a tree per training step is work on the training thread for nothing.
class Line {
 public:
  Line& raw(const char* key, const std::string& value) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += key;
    text_ += "\":";
    text_ += value;
    return *this;
  }
  Line& whole(const char* key, std::int64_t value) { return raw(key, std::to_string(value)); }
  Line& real(const char* key, double value) { return raw(key, number(value)); }
  Line& text(const char* key, const std::string& value) { return raw(key, quoted(value)); }
  std::string finish() { return text_ + "}"; }

 private:
  std::string text_;
};

Json parseObject(std::string_view line) {
  // A line of ours is shallow; the cap keeps a hostile one from growing a tree whose destruction is the only cost it has.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 8; };
  Json tree = Json::parse(line.begin(), line.end(), shallow, false);
  if (!tree.is_object()) return Json();
  const auto step = tree.find("step");
  if (step == tree.end() || !step->is_number_integer()) return Json();
  return tree;
}

double real(const Json& object, const char* key, double missing = std::numeric_limits<double>::quiet_NaN()) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>() : missing;
}

std::int64_t whole(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) return 0;
  return it->is_number_integer() ? it->get<std::int64_t>() : it->is_boolean() ? it->get<bool>() : 0;
}

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

EvalRecord evalOf(const Json& o) {
  return {whole(o, "step"), whole(o, "tokens"), real(o, "loss"), real(o, "bits_per_byte"), real(o, "accuracy"), real(o, "seconds", 0)};
}

}  // namespace

std::string metricsLine(const StepRecord& r) {
  return Line()
      .whole("step", r.step)
      .whole("tokens", r.tokens)
      .real("seconds", r.seconds)
      .real("flops", r.flops)
      .real("loss", r.loss)
      .real("aux_loss", r.auxLoss)
      .real("z_loss", r.zLoss)
      .real("accuracy", r.accuracy)
      .real("learning_rate", r.learningRate)
      .real("grad_norm", r.gradNorm)
      .real("tokens_per_s", r.tokensPerSecond)
      .real("step_ms", r.stepMs)
      .whole("skipped", r.skipped)
      .finish();
}

std::string evalLine(const EvalRecord& r) {
  return Line()
      .whole("step", r.step)
      .whole("tokens", r.tokens)
      .real("loss", r.loss)
      .real("bits_per_byte", r.bitsPerByte)
      .real("accuracy", r.accuracy)
      .real("seconds", r.seconds)
      .finish();
}

std::string eventLine(const RunEvent& e) {
  Line line;
  line.text("event", eventName(e.kind)).whole("step", e.step).real("seconds", e.seconds).text("text", e.text);
  if (e.kind == EventKind::LiveEdit) line.text("path", e.path).real("before", e.before).real("after", e.after);
  if (e.kind == EventKind::Finished || e.kind == EventKind::Stopped || e.kind == EventKind::Failed) line.whole("exit_code", e.exitCode);
  if (e.kind == EventKind::Sampled) line.text("prompt", e.prompt).text("sample", e.sample);
  if (e.kind == EventKind::Evaluated) line.raw("eval", evalLine(e.eval));
  return line.text("time", utcNow()).finish();
}

std::string sampleLine(std::int64_t step, double seconds, const std::string& prompt, const std::string& text) {
  return Line().whole("step", step).real("seconds", seconds).text("prompt", prompt).text("text", text).finish();
}

std::optional<StepRecord> parseMetricsLine(std::string_view line) {
  const Json o = parseObject(line);
  if (o.is_null()) return std::nullopt;
  StepRecord r;
  r.step = whole(o, "step");
  r.tokens = whole(o, "tokens");
  r.seconds = real(o, "seconds");
  r.flops = real(o, "flops");
  r.loss = real(o, "loss");
  r.auxLoss = real(o, "aux_loss");
  r.zLoss = real(o, "z_loss");
  r.accuracy = real(o, "accuracy");
  r.learningRate = real(o, "learning_rate");
  r.gradNorm = real(o, "grad_norm");
  r.tokensPerSecond = real(o, "tokens_per_s");
  r.stepMs = real(o, "step_ms");
  r.skipped = whole(o, "skipped") != 0;
  return r;
}

std::optional<EvalRecord> parseEvalLine(std::string_view line) {
  const Json o = parseObject(line);
  if (o.is_null()) return std::nullopt;
  return evalOf(o);
}

std::optional<RunEvent> parseEventLine(std::string_view line) {
  const Json o = parseObject(line);
  if (o.is_null()) return std::nullopt;
  const std::string name = text(o, "event");
  RunEvent e;
  bool known = false;
  for (int k = 0; k <= static_cast<int>(EventKind::Failed) && !known; ++k) {
    e.kind = static_cast<EventKind>(k);
    known = name == eventName(e.kind);
  }
  if (!known) return std::nullopt;
  e.step = whole(o, "step");
  e.seconds = real(o, "seconds", 0);
  e.text = text(o, "text");
  e.path = text(o, "path");
  e.before = real(o, "before", 0);
  e.after = real(o, "after", 0);
  e.exitCode = static_cast<int>(whole(o, "exit_code"));
  e.sample = text(o, "sample");
  e.prompt = text(o, "prompt");
  if (const auto eval = o.find("eval"); eval != o.end() && eval->is_object()) e.eval = evalOf(*eval);
  return e;
}

std::optional<std::int64_t> lineStep(std::string_view line) {
  const Json o = parseObject(line);
  if (o.is_null()) return std::nullopt;
  return whole(o, "step");
}

std::string utcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char buffer[32];
  const std::size_t n = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);  // digits only: no locale in it
  return std::string(buffer, n);
}

}  // namespace serp
