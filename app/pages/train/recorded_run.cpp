// SPDX-License-Identifier: GPL-3.0-or-later
// Unpacks and reads the recorded run.
#include "app/pages/train/recorded_run.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <cmath>

#include "app/session/series_store.h"

namespace serp::app {
namespace {

const QString kFolder = QStringLiteral(":/recorded/moe_mamba");
const QString kText = QStringLiteral("routed_text.json");

template <class T>
QJsonArray rows(const std::vector<std::vector<T>>& values) {
  QJsonArray out;
  for (const auto& row : values) {
    QJsonArray line;
    for (const T v : row) line.append(std::round(static_cast<double>(v) * 1000) / 1000);
    out.append(line);
  }
  return out;
}

template <class T>
std::vector<std::vector<T>> rowsOf(const QJsonValue& value, qsizetype length, bool& good) {
  std::vector<std::vector<T>> out;
  for (const QJsonValue& row : value.toArray()) {
    std::vector<T> line;
    for (const QJsonValue& v : row.toArray()) line.push_back(static_cast<T>(v.toDouble()));
    good &= static_cast<qsizetype>(line.size()) == length;
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace

QByteArray routedTextJson(const RoutedText& text) {
  QJsonArray pieces, labels, names;
  // Pieces are bytes, not always whole characters: Latin-1 keeps every one of them.
  for (const std::string& piece : text.pieces) pieces.append(QString::fromLatin1(piece.data(), static_cast<qsizetype>(piece.size())));
  for (const auto label : text.labels) labels.append(label);
  for (const std::string& name : text.labelNames) names.append(QString::fromStdString(name));
  return QJsonDocument(QJsonObject{{"pieces", pieces}, {"labels", labels}, {"label_names", names}, {"expert", rows(text.expert)},
                                   {"weight", rows(text.weight)}, {"entropy", rows(text.entropy)}})
      .toJson(QJsonDocument::Compact);
}

std::shared_ptr<const RoutedText> routedTextFromJson(const QByteArray& json) {
  const QJsonObject root = QJsonDocument::fromJson(json).object();
  auto text = std::make_shared<RoutedText>();
  for (const QJsonValue& piece : root["pieces"].toArray()) text->pieces.push_back(piece.toString().toLatin1().toStdString());
  for (const QJsonValue& label : root["labels"].toArray()) text->labels.push_back(static_cast<std::uint8_t>(label.toInt()));
  for (const QJsonValue& name : root["label_names"].toArray()) text->labelNames.push_back(name.toString().toStdString());
  const auto length = static_cast<qsizetype>(text->pieces.size());
  bool good = length > 0 && (text->labels.empty() || static_cast<qsizetype>(text->labels.size()) == length);
  text->expert = rowsOf<std::int16_t>(root["expert"], length, good);
  text->weight = rowsOf<float>(root["weight"], length, good);
  text->entropy = rowsOf<float>(root["entropy"], length, good);
  good &= !text->expert.empty() && text->weight.size() == text->expert.size();
  return good ? text : nullptr;
}

RecordedRun readRecordedRun() {
  RecordedRun out;
  const QDir packed(kFolder);
  const QTemporaryDir place;
  if (!packed.exists() || !place.isValid()) return out;
  for (const QString& name : packed.entryList(QDir::Files)) {
    QFile file(packed.filePath(name)), copy(place.filePath(name));
    if (!file.open(QIODevice::ReadOnly) || !copy.open(QIODevice::WriteOnly)) return out;
    const QByteArray bytes = file.readAll();
    if (name == kText) out.text = routedTextFromJson(bytes);
    copy.write(bytes);
  }
  const std::filesystem::path folder = place.path().toStdString();
  RunFollower follower(folder);
  if (auto summary = serp::readSummary(folder)) out.batch.summary = summary.value();
  if (auto spec = serp::loadRunSpec((folder / "resolved.yaml").string())) out.batch.spec = std::move(spec).value();
  out.batch.steps = follower.metrics();
  out.batch.evals = follower.evals();
  out.batch.events = follower.events();
  for (RoutingFrame& frame : follower.routing()) out.batch.routing.push_back(std::make_shared<RoutingFrame>(std::move(frame)));
  return out;
}

void fillStore(SeriesStore& store, const RecordedRun& run) {
  store.append(run.batch.steps);
  for (const EvalRecord& eval : run.batch.evals) store.append(eval);
  for (const RunEvent& event : run.batch.events) store.append(event);
  for (const auto& frame : run.batch.routing) store.append(frame);
  if (run.text && !run.batch.routing.empty()) {
    auto last = std::make_shared<RoutingFrame>(*run.batch.routing.back());
    last->text = run.text;
    last->textStep = last->step;
    store.append(std::shared_ptr<const RoutingFrame>(std::move(last)));
  }
  if (run.batch.summary) {
    const RunSummary& s = *run.batch.summary;
    RunInfo info;
    info.name = s.name, info.device = s.device, info.budgetSteps = s.budgetSteps;
    info.parameters = s.parameters, info.activeParameters = s.activeParameters, info.seed = s.seed;
    info.uniformLoss = s.uniformLoss, info.unigramLoss = s.unigramLoss, info.entropyRate = s.entropyRate;
    store.setInfo(info);
  }
  store.flush();
}

}  // namespace serp::app
