// SPDX-License-Identifier: GPL-3.0-or-later
// What the Compare page does beyond drawing: files of pictures and numbers, actions for the palette, opening a run elsewhere.
#include <QDir>
#include <QFileDialog>
#include <QPushButton>
#include <QToolButton>

#include "app/models/runs_model.h"
#include "app/pages/compare/differences_panel.h"
#include "app/pages/compare/loss_panel.h"
#include "app/pages/compare/run_table.h"
#include "app/pages/compare/share_panel.h"
#include "app/pages/compare_page.h"
#include "app/pages/picture.h"
#include "app/session/action_registry.h"
#include "app/session/notices.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/widgets/plot_view.h"

namespace serp::app {
namespace {

constexpr QSize kPicture(1200, 700);

}  // namespace

void ComparePage::addExportButtons() {
  runs_->addHeaderWidget(exportButton(tr("Runs"), workspace_.notices, [this](const QString& file, QString* error) {
    return file.endsWith(QStringLiteral(".csv"), Qt::CaseInsensitive) ? writeText(tableCsv(), file, error) : writePicture(*runs_, file, error);
  }));
  loss_->addHeaderWidget(exportButton(tr("Loss"), workspace_.notices, [this](const QString& file, QString* error) {
    return file.endsWith(QStringLiteral(".csv"), Qt::CaseInsensitive) ? writeText(loss_->csv(), file, error) : loss_->plot()->exportTo(file, kPicture, error);
  }));
  shares_->addHeaderWidget(exportButton(tr("Share of the steps needed"), workspace_.notices, [this](const QString& file, QString* error) {
    return file.endsWith(QStringLiteral(".csv"), Qt::CaseInsensitive) ? writeText(shares_->csv(), file, error) : shares_->exportPicture(file, error);
  }));
  differences_->addHeaderWidget(exportButton(tr("Differences"), workspace_.notices, [this](const QString& file, QString* error) {
    return file.endsWith(QStringLiteral(".csv"), Qt::CaseInsensitive) ? writeText(differences_->csv(), file, error) : writePicture(*differences_, file, error);
  }));
}

void ComparePage::askExport() {
  const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder for pictures and numbers"));
  if (folder.isEmpty()) return;
  const QString wrong = exportAll(folder);
  if (!workspace_.notices) return;
  if (wrong.isEmpty()) workspace_.notices->success(tr("The comparison was written to %1").arg(folder));
  else workspace_.notices->error(wrong);
}

void ComparePage::registerActions() {
  if (!workspace_.actions || workspace_.actions->find(QStringLiteral("compare.export"))) return;
  ActionRegistry& actions = *workspace_.actions;
  const QString category = tr("Compare");
  actions.add(QStringLiteral("compare.export"), tr("Export the comparison…"), {}, category, this, [this] { askExport(); });
  actions.add(QStringLiteral("compare.seeds"), tr("Seeds together or apart"), {}, category, this, [this] { setTogether(!together_->isChecked()); });
  actions.add(QStringLiteral("compare.restore"), tr("Restore trashed runs"), {}, category, this, [this] { workspace_.runs->restore(workspace_.runs->restorable()); });
}

void ComparePage::open(const QString& id) {
  const RunSummary* run = workspace_.runs->run(workspace_.runs->rowOf(id));
  if (!run || !workspace_.session) return;
  SessionController& session = *workspace_.session;
  if (session.isActive() && session.runFolder() != run->folder) {
    if (workspace_.notices) workspace_.notices->warning(tr("A run is training. Stop it on the Train page before another one is shown."));
    return;
  }
  if (session.runFolder() != run->folder && !session.show(run->folder)) {
    if (workspace_.notices) workspace_.notices->error(QString::fromStdString(session.faults().text()));
    return;
  }
  if (workspace_.actions) workspace_.actions->trigger(QStringLiteral("page.train"));
}

QString ComparePage::tableCsv() const {
  const auto quoted = [](QString text) { return text.contains(QLatin1Char(',')) || text.contains(QLatin1Char('"')) ? QLatin1Char('"') + text.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"') : text; };
  QStringList head;
  for (int c = RunsModel::Name; c < RunsModel::kColumns; ++c) head << quoted(workspace_.runs->headerData(c, Qt::Horizontal, Qt::DisplayRole).toString());
  QString table = head.join(QLatin1Char(',')) + QLatin1Char('\n');
  for (int r = 0; r < order_->rowCount(); ++r) {
    QStringList cells;
    for (int c = RunsModel::Name; c < RunsModel::kColumns; ++c) {
      const QModelIndex index = order_->index(r, c);
      const bool number = c >= RunsModel::Active && c < RunsModel::Against;
      QString text = index.data().toString();
      if (number && text != QStringLiteral("–")) {
        const QVariant key = index.data(RunsModel::SortRole);
        text = key.typeId() == QMetaType::Double ? QString::number(key.toDouble(), 'g', 17) : key.toString();
      }
      cells << quoted(text == QStringLiteral("–") ? QString() : text);
    }
    table += cells.join(QLatin1Char(',')) + QLatin1Char('\n');
  }
  return table;
}

QString ComparePage::exportAll(const QString& folder) {
  if (!QDir().mkpath(folder)) return tr("%1 cannot be created").arg(folder);
  QString wrong;
  const auto file = [&](const char* name) { return QDir(folder).filePath(QLatin1String(name)); };
  for (const char* name : {"compare_loss.png", "compare_loss.svg", "compare_loss.pdf"})
    if (!loss_->plot()->exportTo(file(name), kPicture, &wrong)) return wrong;
  for (const char* name : {"compare_shares.png", "compare_shares.svg", "compare_shares.pdf"})
    if (!shares_->exportPicture(file(name), &wrong)) return wrong;
  const bool numbers = writeText(loss_->csv(), file("compare_curves.csv"), &wrong) && writeText(tableCsv(), file("compare_runs.csv"), &wrong) &&
                       writeText(shares_->csv(), file("compare_shares.csv"), &wrong) && writeText(differences_->csv(), file("compare_differences.csv"), &wrong);
  return numbers ? QString() : wrong;
}

}  // namespace serp::app
