// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the line behind an entry and the column of its dash.
#include "app/pages/design/insert_block.h"

#include <QStringList>
#include <algorithm>

#include "app/pages/design/block_form.h"

namespace serp::app {
namespace {

/// The entry of a list that holds `path`: slots lie inside their owner. Null: none.
const BlockSpec* entryAt(const RunSpec& spec, QString path) {
  while (!path.isEmpty()) {
    if (path.endsWith(QLatin1Char(']')))
      if (const BlockSpec* block = blockAt(spec.blocks, path.toStdString())) return block;
    path.truncate(std::max<qsizetype>(0, path.lastIndexOf(QLatin1Char('.'))));
  }
  return spec.blocks.empty() ? nullptr : &spec.blocks.back();
}

}  // namespace

std::optional<Insertion> withBlockAfter(const QString& text, const RunSpec& spec, const QString& path, const QString& kind) {
  const BlockSpec* entry = entryAt(spec, path);
  if (!entry) return std::nullopt;
  QStringList lines = text.split(QLatin1Char('\n'));
  const int first = entry->place.line;
  int last = std::max(first, entry->endPlace.line - (entry->endPlace.column <= 1 ? 1 : 0));
  if (first < 1 || last > lines.size()) return std::nullopt;
  // What follows the entry on its last line belongs to the list around it: that list is written on one line.
  if (entry->endPlace.line == last) {
    const QString rest = lines[last - 1].mid(std::max(0, entry->endPlace.column - 1)).trimmed();
    if (!rest.isEmpty() && !rest.startsWith(QLatin1Char('#'))) return std::nullopt;
  }
  const QString before = lines[first - 1].left(entry->place.column - 1);
  const qsizetype dash = before.lastIndexOf(QLatin1Char('-'));
  if (dash < 0 || !before.mid(dash + 1).trimmed().isEmpty() || !before.left(dash).trimmed().isEmpty()) return std::nullopt;
  while (last > first && (lines[last - 1].trimmed().isEmpty() || lines[last - 1].trimmed().startsWith(QLatin1Char('#')))) --last;
  lines.insert(last, QString(dash, QLatin1Char(' ')) + QStringLiteral("- {kind: %1}").arg(kind));
  const QString own = QString::fromStdString(entry->path);
  const qsizetype open = own.lastIndexOf(QLatin1Char('['));
  const int index = own.mid(open + 1).chopped(1).toInt();
  return Insertion{lines.join(QLatin1Char('\n')), own.left(open) + QStringLiteral("[%1]").arg(index + 1)};
}

}  // namespace serp::app
