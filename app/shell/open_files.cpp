// SPDX-License-Identifier: GPL-3.0-or-later
// Decides what a path is and opens it.
#include "app/shell/open_files.h"

#include <QFileDialog>
#include <QFileInfo>

#include "app/models/runs_model.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/preferences.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"

namespace serp::app {

QString absolutePath(const QString& pathOrName) {
  const QFileInfo info(pathOrName);
  return info.exists() ? info.absoluteFilePath() : pathOrName;
}

bool OpenFiles::showRun(const QString& folder, QString* error) {
  SessionController& session = *workspace_.session;
  const std::filesystem::path path(folder.toStdString());
  if (session.isActive()) {
    // Showing another run would end the one that trains: that is for the person to decide.
    workspace_.notices->post(NoticeLevel::Info, tr("%1 is training. Compare shows other runs meanwhile.").arg(QString::fromStdString(session.spec().name)),
                             tr("Stop, save and open"), [this, folder] {
                               QString why;
                               workspace_.session->close();
                               if (!showRun(folder, &why)) workspace_.notices->error(why);
                             });
    return true;
  }
  if (!session.show(path)) {
    if (error) *error = QString::fromStdString(session.faults().text());
    return false;
  }
  workspace_.actions->trigger(QStringLiteral("page.train"));
  return true;
}

bool OpenFiles::useText(const QString& path, QString* error) {
  if (!workspace_.design->setValue(QStringLiteral("data.source"), QStringLiteral("[\"%1\"]").arg(path))) {
    if (error) *error = workspace_.design->error();
    return false;
  }
  workspace_.notices->success(tr("The open design now trains on %1. Undo takes it back.").arg(QFileInfo(path).fileName()));
  workspace_.actions->trigger(QStringLiteral("page.design"));
  return true;
}

bool OpenFiles::open(const QString& given, QString* error) {
  const QString path = absolutePath(given);
  const QFileInfo info(path);
  if (info.isDir()) {
    if (QFileInfo::exists(path + QStringLiteral("/meta.json"))) return showRun(path, error);
    workspace_.runs->setFolder(path.toStdString());
    workspace_.actions->trigger(QStringLiteral("page.compare"));
    return true;
  }
  const QString suffix = info.suffix().toLower();
  if (info.exists() && (suffix == QLatin1String("txt") || suffix == QLatin1String("jsonl") || suffix == QLatin1String("gz")))
    return useText(path, error);
  if (!info.exists()) {
    if (const auto run = serp::findRun(path.toStdString(), workspace_.preferences->runsFolder()); run)
      return showRun(QString::fromStdString(run->string()), error);
  }
  if (!workspace_.design->open(path)) {
    if (error)
      *error = info.exists() ? workspace_.design->error() : tr("%1: no such file, run, folder or preset").arg(path);
    return false;
  }
  workspace_.actions->trigger(QStringLiteral("page.design"));
  return true;
}

void OpenFiles::choose(QWidget* window) {
  auto* dialog = new QFileDialog(window, tr("Open a design or a text"), {}, tr("Designs and texts (*.yaml *.yml *.txt *.jsonl *.jsonl.gz);;All files (*)"));
  dialog->setFileMode(QFileDialog::ExistingFile);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    QString why;
    if (!open(file, &why)) workspace_.notices->error(why);
  });
  dialog->open();
}

}  // namespace serp::app
