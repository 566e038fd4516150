// SPDX-License-Identifier: GPL-3.0-or-later
// Reads runs, draws one curve each, writes the file.
#include "app/shell/plot_command.h"

#include <cstdio>

#include "app/pages/train/run_axis.h"
#include "app/session/whole_log.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"
#include "engine/api/runs.h"

namespace serp::app {

int plotRuns(const CommandLine& line) {
  const auto fail = [](const std::string& sentence, ExitCode code) {
    std::fprintf(stderr, "serpentarium: %s\n", sentence.c_str());
    return static_cast<int>(code);
  };
  RunAxis axis = RunAxis::Step;
  axisFromName(line.x, axis);
  if (line.theme != QLatin1String("dark")) Theme::instance().setKind(ThemeKind::Light);  // pictures go on paper
  PlotView plot(line.y);
  plot.setAxisLabels(axisName(axis), line.y);
  plot.setLogX(line.logX);
  plot.setLogY(line.logY);
  plot.setSmoothing(0.97);
  for (const QString& reference : line.paths) {
    auto run = serp::findRun(reference.toStdString(), serp::defaultRunsFolder());
    if (!run) return fail(run.faults().text(), ExitCode::BadConfiguration);
    RunFollower follower(*run);
    const auto records = wholeLog(follower, &RunFollower::metrics);
    if (records.empty()) return fail(run->string() + ": no step was logged", ExitCode::BadData);
    const auto summary = serp::readSummary(*run);
    const int index = plot.curveCount();
    const QString name = QString::fromStdString(summary ? summary->name : run->filename().string());
    const bool smooth = line.y != QLatin1String("learning_rate");
    const int id = plot.addCurve({name, [index] { return Theme::instance().curve(index); }, CurveStyle::Kind::Line, smooth});
    for (const StepRecord& record : records)
      plot.append(id, axisValue(record, axis), recordValue(record, line.y), static_cast<double>(record.step));
    if (line.paths.size() == 1) plot.setNowLabel(name);
  }
  plot.resize(1200, 700);
  QString why;
  if (!plot.exportTo(line.out, {1200, 700}, &why)) return fail(why.toStdString(), ExitCode::CannotWrite);
  std::printf("%s\n", line.out.toUtf8().constData());
  return 0;
}

}  // namespace serp::app
