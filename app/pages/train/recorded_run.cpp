// SPDX-License-Identifier: GPL-3.0-or-later
// Unpacks and reads the recorded run.
#include "app/pages/train/recorded_run.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include "app/session/whole_log.h"

namespace serp::app {
namespace {

const QString kFolder = QStringLiteral(":/recorded/moe_mamba");

}  // namespace

RunBatch readRecordedRun() {
  RunBatch out;
  const QDir packed(kFolder);
  const QTemporaryDir place;
  if (!packed.exists() || !place.isValid()) return out;
  for (const QString& name : packed.entryList(QDir::Files)) {
    QFile file(packed.filePath(name)), copy(place.filePath(name));
    if (!file.open(QIODevice::ReadOnly) || !copy.open(QIODevice::WriteOnly)) return out;
    copy.write(file.readAll());
  }
  const std::filesystem::path folder = place.path().toStdString();
  RunFollower follower(folder);
  if (auto summary = serp::readSummary(folder)) out.summary = summary.value(), out.summary->folder.clear();  // gone in a moment
  if (auto spec = serp::loadRunSpec((folder / "resolved.yaml").string())) out.spec = std::move(spec).value();
  out.steps = wholeLog(follower, &RunFollower::metrics);
  out.evals = wholeLog(follower, &RunFollower::evals);
  out.events = wholeLog(follower, &RunFollower::events);
  readRouting(follower, out);
  return out;
}

}  // namespace serp::app
