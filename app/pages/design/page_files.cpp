// SPDX-License-Identifier: GPL-3.0-or-later
// Files of the Design page: presets opened, designs saved, the diagram exported, two designs compared.
#include <QFileDialog>
#include <QPushButton>

#include "app/canvas/canvas_view.h"
#include "app/pages/design/design_differences.h"
#include "app/pages/design/diagram_export.h"
#include "app/pages/design_page.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"

namespace serp::app {

void DesignPage::openPreset(const QString& name) {
  if (!workspace_.design->open(name)) return workspace_.notices->error(workspace_.design->error());
  select({});
  canvas_->setFocus(Qt::OtherFocusReason);
}

void DesignPage::saveDesign(bool as) {
  DesignDocument* design = workspace_.design;
  const auto tell = [this, design](bool done) {
    if (done) workspace_.notices->success(tr("Saved to %1").arg(design->file()));
    else workspace_.notices->error(design->error());
  };
  if (!as && !design->file().isEmpty()) return tell(design->save());
  auto* dialog = new QFileDialog(this, tr("Save design"), {}, tr("Designs (*.yaml)"));
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setDefaultSuffix(QStringLiteral("yaml"));
  dialog->selectFile(design->file().isEmpty() ? design->title() + QStringLiteral(".yaml") : design->file());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::fileSelected, this, [design, tell](const QString& path) { tell(design->saveAs(path)); });
  dialog->open();
}

void DesignPage::exportDiagram() {
  const DesignDocument& design = *workspace_.design;
  if (!design.plan()) return workspace_.notices->warning(tr("There is no diagram yet."));
  auto* dialog = new QFileDialog(this, tr("Export diagram"), {}, tr("Vector drawing (*.svg);;Document (*.pdf);;Picture (*.png)"));
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setDefaultSuffix(QStringLiteral("svg"));
  dialog->selectFile(design.title() + QStringLiteral(".svg"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::filterSelected, dialog, [dialog](const QString& filter) { dialog->setDefaultSuffix(filter.section(QLatin1String("*."), 1).chopped(1)); });
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    QString error;
    if (writeDiagram(*workspace_.design->plan(), file, &error)) workspace_.notices->success(tr("Diagram written to %1").arg(file));
    else workspace_.notices->error(error);
  });
  dialog->open();
}

void DesignPage::showDifferences() {
  const DesignDocument& design = *workspace_.design;
  if (!design.spec()) return workspace_.notices->warning(tr("There is no design to compare yet."));
  auto* window = new DesignDifferences(*design.spec(), this);
  window->setAttribute(Qt::WA_DeleteOnClose);
  connect(window, &DesignDifferences::chosen, this, [this](const QString& path) { select(path); });
  window->open();
}

}  // namespace serp::app
