// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the program's arguments; a fault is one clear sentence.
#include "app/shell/command_line.h"

#include <QFileInfo>

#include "app/pages/train/run_axis.h"

namespace serp::app {
namespace {

const QStringList kPages = {"design", "train", "routing", "compare", "learn", "settings"};

bool parseSize(const QString& text, QSize& size) {
  const QStringList parts = text.split(QLatin1Char('x'));
  bool w = false, h = false;
  if (parts.size() == 2) size = QSize(parts[0].toInt(&w), parts[1].toInt(&h));
  return w && h && size.width() >= 100 && size.height() >= 100 && size.width() <= 16384 && size.height() <= 16384;
}

}  // namespace

QString usageText() {
  return QStringLiteral(
      "serpentarium [FILE|RUN|FOLDER]...          open designs, runs, or a folder of runs\n"
      "  --start PRESET                           train a preset or design file at once\n"
      "  --set KEY=VALUE                          change a key of what --start trains; may be repeated\n"
      "  --out DIR                                folder for new runs\n"
      "  --theme dark|light\n"
      "  --screenshot FILE.png [--page NAME] [--after-steps N] [--size WxH]\n"
      "                                           draw a page (design train routing compare learn settings) and exit\n"
      "  --plot RUN... [--x step|tokens|seconds|flops] [--y KEY] [--log-x] [--log-y] --out FILE.svg|pdf|png|csv\n"
      "                                           draw curves without a window\n"
      "  --help  --version\n");
}

CommandLine parseCommandLine(const QStringList& arguments) {
  CommandLine out;
  bool pageGiven = false, onlyPlot = false;
  const auto fail = [&out](const QString& sentence) {
    if (out.error.isEmpty()) out.error = sentence;
  };
  for (int i = 0; i < arguments.size(); ++i) {
    QString key = arguments[i], value;
    if (!key.startsWith(QLatin1String("--")) || key == QLatin1String("--")) {
      if (key.startsWith(QLatin1Char('-')) && key.size() > 1 && key != QLatin1String("--")) {
        if (key == QLatin1String("-h")) out.help = true;
        else fail(QStringLiteral("unknown option %1; see --help").arg(key));
      } else if (key != QLatin1String("--")) {
        out.paths << key;
      }
      continue;
    }
    const qsizetype equals = key.indexOf(QLatin1Char('='));
    const bool inlined = equals > 0;
    if (inlined) {
      value = key.mid(equals + 1);
      key.truncate(equals);
    }
    const auto take = [&]() -> bool {
      if (inlined) return true;
      if (i + 1 >= arguments.size() || arguments[i + 1].startsWith(QLatin1String("--"))) {
        fail(QStringLiteral("%1 needs a value; see --help").arg(key));
        return false;
      }
      value = arguments[++i];
      return true;
    };
    if (key == QLatin1String("--help")) out.help = true;
    else if (key == QLatin1String("--version")) out.version = true;
    else if (key == QLatin1String("--plot")) out.plot = true;
    else if (key == QLatin1String("--log-x")) out.logX = onlyPlot = true;
    else if (key == QLatin1String("--log-y")) out.logY = onlyPlot = true;
    else if (key == QLatin1String("--start")) { if (take()) out.start = value; }
    else if (key == QLatin1String("--out")) { if (take()) out.out = value; }
    else if (key == QLatin1String("--screenshot")) { if (take()) out.screenshot = value; }
    else if (key == QLatin1String("--x")) { if (take()) out.x = value, onlyPlot = true; }
    else if (key == QLatin1String("--y")) { if (take()) out.y = value, onlyPlot = true; }
    else if (key == QLatin1String("--page")) {
      if (take()) out.page = value.toLower(), pageGiven = true;
      if (pageGiven && !kPages.contains(out.page)) fail(QStringLiteral("--page %1: not a page; one of %2").arg(value, kPages.join(QLatin1Char(' '))));
    } else if (key == QLatin1String("--theme")) {
      if (take() && value != QLatin1String("dark") && value != QLatin1String("light")) fail(QStringLiteral("--theme %1: dark or light").arg(value));
      out.theme = value;
    } else if (key == QLatin1String("--size")) {
      if (take() && !parseSize(value, out.size)) fail(QStringLiteral("--size %1: expected WIDTHxHEIGHT, as in 1280x800").arg(value));
    } else if (key == QLatin1String("--after-steps")) {
      bool ok = false;
      if (take()) out.afterSteps = value.toLongLong(&ok);
      if (!ok || out.afterSteps < 0) fail(QStringLiteral("--after-steps %1: expected a number of steps").arg(value));
    } else if (key == QLatin1String("--set")) {
      if (!take()) continue;
      const qsizetype at = value.indexOf(QLatin1Char('='));
      if (at <= 0) fail(QStringLiteral("--set %1: expected KEY=VALUE, as in **.experts=8").arg(value));
      else out.overrides.emplace_back(value.left(at).toStdString(), value.mid(at + 1).toStdString());
    } else {
      fail(QStringLiteral("unknown option %1; see --help").arg(key));
    }
  }
  if (!out.error.isEmpty() || out.help || out.version) return out;
  if (out.plot) {
    RunAxis axis;
    if (out.paths.isEmpty()) fail(QStringLiteral("--plot needs at least one run"));
    else if (out.out.isEmpty()) fail(QStringLiteral("--plot needs --out FILE.svg, .pdf, .png or .csv"));
    else if (!QStringList{"svg", "pdf", "png", "csv"}.contains(QFileInfo(out.out).suffix().toLower()))
      fail(QStringLiteral("--out %1: the ending must be .svg, .pdf, .png or .csv").arg(out.out));
    else if (!axisFromName(out.x, axis)) fail(QStringLiteral("--x %1: one of step tokens seconds flops").arg(out.x));
    else if (!recordKeys().contains(out.y)) fail(QStringLiteral("--y %1: one of %2").arg(out.y, recordKeys().join(QLatin1Char(' '))));
  } else if (onlyPlot) {
    fail(QStringLiteral("--x, --y, --log-x and --log-y belong to --plot"));
  }
  if (out.screenshot.isEmpty() && out.afterSteps > 0)
    fail(QStringLiteral("--after-steps belongs to --screenshot"));
  if (!out.overrides.empty() && out.start.isEmpty()) fail(QStringLiteral("--set needs --start PRESET"));
  return out;
}

}  // namespace serp::app
