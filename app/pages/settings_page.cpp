// SPDX-License-Identifier: GPL-3.0-or-later
// Preferences, applied as they are changed.
#include "app/pages/settings_page.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "app/models/runs_model.h"
#include "app/session/action_registry.h"
#include "app/session/preferences.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/page_bar.h"
#include "app/widgets/panel.h"

namespace serp::app {

SettingsPage::SettingsPage(Workspace& workspace, QWidget* parent)
    : Page(tr("Settings"), workspace, parent),
      bar_(new PageBar(tr("Settings"), tr("kept between starts; every change applies at once"), *workspace.actions)) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  auto* left = new QVBoxLayout;
  left->setSpacing(metric::kGrid);
  for (QWidget* panel : {appearance(), folders(), curves()}) {
    panel->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    left->addWidget(panel);
  }
  left->addStretch();
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 8, 8, 8);
  row->setSpacing(metric::kGrid);
  row->addLayout(left, 3);
  row->addWidget(keys(), 2);
}

void SettingsPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  fillKeys();
}

QWidget* SettingsPage::keys() {
  auto* panel = new Panel(tr("Keys"), tr("everything else: Ctrl+K, then type"));
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto* list = new QWidget;
  auto* column = new QVBoxLayout(list);
  column->setContentsMargins(12, 8, 12, 8);
  keys_ = new QGridLayout;
  keys_->setVerticalSpacing(6);
  keys_->setHorizontalSpacing(12);
  keys_->setColumnStretch(1, 1);
  column->addLayout(keys_);
  column->addStretch();
  scroll->setWidget(list);
  panel->setBody(scroll);
  return panel;
}

void SettingsPage::fillKeys() {
  while (QLayoutItem* item = keys_->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  int row = 0;
  QString category;
  for (const QAction* action : workspace_.actions->all()) {
    if (action->shortcut().isEmpty()) continue;
    const QString group = workspace_.actions->category(action);
    auto* name = new QLabel(group == category ? QString() : group);
    name->setProperty("role", "caption");
    category = group;
    auto* what = new QLabel(action->text());
    auto* key = new QLabel(action->shortcut().toString(QKeySequence::NativeText));
    key->setProperty("role", "key");
    key->setFixedHeight(18);
    keys_->addWidget(name, row, 0);
    keys_->addWidget(what, row, 1);
    keys_->addWidget(key, row++, 2, Qt::AlignRight);
  }
}

QString SettingsPage::statusText() const { return tr("Changes apply at once"); }

QWidget* SettingsPage::appearance() {
  auto* panel = new Panel(tr("Appearance"));
  auto* theme = new QComboBox;
  theme->addItems({tr("Dark"), tr("Light")});
  theme->setCurrentIndex(Theme::instance().kind() == ThemeKind::Dark ? 0 : 1);
  theme->setAccessibleName(tr("Theme"));
  theme->setMaximumWidth(160);
  connect(theme, &QComboBox::activated, this, [this](int index) {
    workspace_.preferences->setDarkTheme(index == 0);
    Theme::instance().setKind(index == 0 ? ThemeKind::Dark : ThemeKind::Light);
  });
  connect(&Theme::instance(), &Theme::changed, theme,
          [theme] { theme->setCurrentIndex(Theme::instance().kind() == ThemeKind::Dark ? 0 : 1); });
  auto* form = new QFormLayout;
  form->addRow(tr("Theme"), theme);
  panel->body()->addLayout(form);
  return panel;
}

QWidget* SettingsPage::folders() {
  auto* panel = new Panel(tr("Runs"), tr("every run is a folder; nothing is deleted without the trash"));
  auto* where = new QLabel(QString::fromStdString(workspace_.preferences->runsFolder().string()));
  where->setTextInteractionFlags(Qt::TextSelectableByMouse);
  where->setFont(Theme::instance().code());
  where->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  auto* change = new QPushButton(tr("Change…"));
  connect(change, &QPushButton::clicked, this, [this, where] {
    auto* dialog = new QFileDialog(this, tr("Folder for runs"), where->text());
    dialog->setFileMode(QFileDialog::Directory);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this, where](const QString& folder) {
      workspace_.preferences->setRunsFolder(folder);
      workspace_.runs->setFolder(workspace_.preferences->runsFolder());
      where->setText(QString::fromStdString(workspace_.preferences->runsFolder().string()));
    });
    dialog->open();
  });
  auto* row = new QHBoxLayout;
  row->addWidget(where, 1);
  row->addWidget(change);
  panel->body()->addLayout(row);
  return panel;
}

QWidget* SettingsPage::curves() {
  auto* panel = new Panel(tr("Curves"), tr("for the screen only: files keep every point"));
  Preferences* preferences = workspace_.preferences;
  auto* weight = new QDoubleSpinBox;
  weight->setRange(0, 0.999);
  weight->setDecimals(3);
  weight->setSingleStep(0.01);
  weight->setButtonSymbols(QAbstractSpinBox::NoButtons);
  weight->setLocale(QLocale::c());
  weight->setMaximumWidth(160);
  weight->setSpecialValueText(tr("off"));
  weight->setValue(preferences->smoothing());
  auto* raw = new QCheckBox(tr("Draw the raw curve behind the smoothed one"));
  raw->setChecked(preferences->showRaw());
  auto* log = new QCheckBox(tr("Loss on a logarithmic axis"));
  log->setChecked(preferences->logY());
  connect(weight, &QDoubleSpinBox::valueChanged, preferences, &Preferences::setSmoothing);
  connect(raw, &QCheckBox::toggled, preferences, &Preferences::setShowRaw);
  connect(log, &QCheckBox::toggled, preferences, &Preferences::setLogY);
  connect(preferences, &Preferences::changed, this, [=] {
    weight->setValue(preferences->smoothing());
    raw->setChecked(preferences->showRaw());
    log->setChecked(preferences->logY());
  });
  auto* form = new QFormLayout;
  form->addRow(tr("Smoothing per step"), weight);
  form->addRow(QString(), raw);
  form->addRow(QString(), log);
  panel->body()->addLayout(form);
  return panel;
}

}  // namespace serp::app
