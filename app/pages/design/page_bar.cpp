// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of the Design page, their keys, and the bar above it.
#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QUndoView>
#include <QVBoxLayout>

#include "app/canvas/canvas_editor.h"
#include "app/canvas/canvas_view.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/gallery.h"
#include "app/pages/design/outline.h"
#include "app/pages/design/palette.h"
#include "app/pages/design/yaml_editor.h"
#include "app/pages/design_page.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {
namespace {

QFrame* separator() {
  auto* line = new QFrame;
  line->setProperty("role", "separator");
  line->setFixedSize(1, 24);
  return line;
}

/// A button for an action under a shorter name, with a key in a box while it can be pressed.
QPushButton* keyedButton(QAction* action, const QString& icon, const QString& label, const QString& keyText) {
  auto* button = new QPushButton(Theme::instance().icon(icon), label);
  button->setAccessibleName(action->text());
  button->setFocusPolicy(Qt::TabFocus);             // a click leaves the keys to the page
  auto* inner = new QHBoxLayout(button);
  inner->setContentsMargins(0, 0, 8, 0);
  auto* key = new QLabel(keyText);
  key->setProperty("role", "key");
  key->setFixedHeight(18);
  key->setAttribute(Qt::WA_TransparentForMouseEvents);
  inner->addStretch(1);
  inner->addWidget(key);
  button->setStyleSheet(QStringLiteral("QPushButton { text-align: left; padding-right: %1px; }").arg(key->sizeHint().width() + 28));
  const auto follow = [action, button, key] {
    button->setEnabled(action->isEnabled());
    button->setToolTip(action->toolTip());
    key->setVisible(action->isEnabled());
  };
  QObject::connect(action, &QAction::changed, button, follow);
  QObject::connect(button, &QPushButton::clicked, action, &QAction::trigger);
  follow();
  return button;
}

}  // namespace

QAction* DesignPage::addAction(const QString& id, const QString& text, const QKeySequence& key, std::function<void()> run) {
  QAction* action = workspace_.actions->add(QStringLiteral("design.") + id, text, key, tr("Design"), this, std::move(run));
  action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  QWidget::addAction(action);
  topBar_->addAction(action);
  return action;
}

void DesignPage::registerActions() {
  QUndoStack& undo = workspace_.design->undoStack();
  addAction(QStringLiteral("gallery"), tr("Presets"), QKeySequence(Qt::CTRL | Qt::Key_P),
            [this] { gallery_->open(galleryButton_, workspace_.design->preset()); })->setToolTip(tr("Every shipped design with its pattern and parameters (Ctrl+P)"));
  QAction* back = addAction(QStringLiteral("undo"), tr("Undo"), QKeySequence::Undo, [&undo] { undo.undo(); });
  QAction* forth = addAction(QStringLiteral("redo"), tr("Redo"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), [&undo] { undo.redo(); });
  forth->setShortcuts({QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
  back->setEnabled(undo.canUndo());
  forth->setEnabled(undo.canRedo());
  connect(&undo, &QUndoStack::canUndoChanged, back, &QAction::setEnabled);
  connect(&undo, &QUndoStack::canRedoChanged, forth, &QAction::setEnabled);
  const auto tell = [](QAction* action, const QString& what, const QString& verb) {
    action->setToolTip((what.isEmpty() ? verb : verb + QStringLiteral(": ") + what) + QStringLiteral(" (%1)").arg(action->shortcut().toString(QKeySequence::NativeText)));
  };
  connect(&undo, &QUndoStack::undoTextChanged, back, [back, tell](const QString& what) { tell(back, what, tr("Undo")); });
  connect(&undo, &QUndoStack::redoTextChanged, forth, [forth, tell](const QString& what) { tell(forth, what, tr("Redo")); });
  addAction(QStringLiteral("save"), tr("Save"), QKeySequence::Save, [this] { saveDesign(false); })->setToolTip(tr("Writes the text to its file (Ctrl+S); a preset asks for a name"));
  addAction(QStringLiteral("saveAs"), tr("Save design as…"), QKeySequence::SaveAs, [this] { saveDesign(true); });
  addAction(QStringLiteral("find"), tr("Find a block"), QKeySequence(Qt::Key_Slash), [this] { palette_->focusFilter(); });
  addAction(QStringLiteral("text"), tr("Edit the text"), QKeySequence(Qt::CTRL | Qt::Key_E), [this] { editor_->setFocus(Qt::ShortcutFocusReason); });
  addAction(QStringLiteral("fix"), tr("Mend the next fault"), QKeySequence(Qt::ALT | Qt::Key_Return), [this] { editor_->applyFix(); });
  addAction(QStringLiteral("fit"), tr("Fit the diagram"), QKeySequence(Qt::CTRL | Qt::Key_0), [this] { canvas_->fit(); });
  addAction(QStringLiteral("export"), tr("Export diagram…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_E), [this] { exportDiagram(); })
      ->setToolTip(tr("The diagram as SVG, PDF or PNG (Ctrl+Shift+E)"));
  addAction(QStringLiteral("history"), tr("History"), QKeySequence(Qt::CTRL | Qt::Key_H), [this] { showHistory(); })
      ->setToolTip(tr("Every step since the design was opened; click one to go back to it (Ctrl+H)"));
  addAction(QStringLiteral("differences"), tr("Differences of two designs…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_D), [this] { showDifferences(); })
      ->setToolTip(tr("This design and another side by side (Ctrl+Shift+D)"));
  addAction(QStringLiteral("new"), tr("Empty design"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_N), [this] { openEmpty(); });
  addAction(QStringLiteral("foldAll"), tr("Fold all blocks"), {}, [this] { canvas_->foldAll(true); });
  addAction(QStringLiteral("unfoldAll"), tr("Unfold all blocks"), {}, [this] { canvas_->foldAll(false); });
  // Keys of the canvas and its outline: elsewhere they belong to text fields.
  CanvasEditor* edit = canvasEditor_;
  const auto onCanvas = [&](const char* id, const QString& text, QKeySequence key, std::function<void()> run) {
    QAction* action = workspace_.actions->add(QStringLiteral("design.") + QLatin1String(id), text, key, tr("Design"), this, std::move(run));
    action->setShortcutContext(Qt::WidgetShortcut);
    canvas_->addAction(action);
    outline_->addAction(action);
  };
  onCanvas("cut", tr("Cut blocks"), QKeySequence::Cut, [edit] { edit->cut(); });
  onCanvas("copy", tr("Copy blocks"), QKeySequence::Copy, [edit] { edit->copy(); });
  onCanvas("paste", tr("Paste blocks"), QKeySequence::Paste, [edit] { edit->paste(); });
  onCanvas("duplicate", tr("Duplicate blocks"), QKeySequence(Qt::CTRL | Qt::Key_D), [edit] { edit->duplicate(); });
  onCanvas("remove", tr("Remove blocks"), QKeySequence(Qt::Key_Delete), [edit] { edit->remove(); });
  onCanvas("up", tr("Move blocks up"), QKeySequence(Qt::CTRL | Qt::Key_Up), [edit] { edit->move(-1); });
  onCanvas("down", tr("Move blocks down"), QKeySequence(Qt::CTRL | Qt::Key_Down), [edit] { edit->move(1); });
  onCanvas("bypass", tr("Bypass blocks"), QKeySequence(Qt::Key_B), [edit] { edit->bypass(); });
  onCanvas("repeat", tr("Wrap in Repeat"), QKeySequence(Qt::CTRL | Qt::Key_G), [edit] { edit->wrap("repeat"); });
  onCanvas("parallel", tr("Wrap in Parallel"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_G), [edit] { edit->wrap("parallel"); });
  onCanvas("unwrap", tr("Unwrap container"), QKeySequence(Qt::CTRL | Qt::Key_U), [edit] { edit->unwrap(); });
  onCanvas("selectAll", tr("Select all blocks of the list"), QKeySequence::SelectAll, [edit] { edit->selectAll(); });
  onCanvas("rename", tr("Rename the design"), QKeySequence(Qt::Key_F2), [this] { renameDesign(); });
  canvas_->setContextMenuPolicy(Qt::ActionsContextMenu);
}

void DesignPage::showHistory() {
  if (!history_) {
    history_ = new QFrame(this, Qt::Popup);
    history_->setProperty("role", "panel");
    auto* column = new QVBoxLayout(history_);
    column->setContentsMargins(4, 4, 4, 4);
    auto* view = new QUndoView(&workspace_.design->undoStack());
    view->setEmptyLabel(tr("as it was opened"));
    view->setFrameShape(QFrame::NoFrame);
    view->setAccessibleName(tr("History of the design"));
    column->addWidget(view);
    history_->resize(280, 360);
  }
  history_->move(mapToGlobal(QPoint(palette_->width() + 16, 8)));
  history_->show();
}

void DesignPage::openEmpty() {
  workspace_.design->setDesign(QStringLiteral("name: untitled\nmodel:\n  d_model: 128\n  blocks: []\ntrain: {steps: 500, batch: 8, learning_rate: 2.0e-3}\n"
                                              "data: {source: babel, context: 256}\n"));
  select({});
  canvas_->setFocus(Qt::OtherFocusReason);
}

void DesignPage::renameDesign() {
  select({});
  form_->focusFirst();                              // the name is the first field of the design's own form
}

void DesignPage::buildTopBar() {
  ActionRegistry& actions = *workspace_.actions;
  topBar_->setProperty("role", "topbar");
  topBar_->setAttribute(Qt::WA_StyledBackground);
  topBar_->setFixedHeight(metric::kTopBar);
  auto* row = new QHBoxLayout(topBar_);
  row->setContentsMargins(16, 0, 8, 0);
  row->setSpacing(8);
  title_ = new QLabel;
  title_->setProperty("role", "title");
  title_->setMaximumWidth(220);
  row->addWidget(title_);
  const auto button = [&](const char* id, const QString& icon, const char* role) {
    auto* b = new ActionButton(actions.find(QLatin1String(id)), icon);
    b->setProperty("role", role);
    row->addWidget(b);
    return b;
  };
  galleryButton_ = button("design.gallery", {}, "");
  row->addWidget(separator());
  button("design.undo", {}, "ghost");
  button("design.redo", {}, "ghost");
  button("design.save", QStringLiteral("save"), "ghost");
  button("design.export", QStringLiteral("export"), "ghost");
  row->addWidget(separator());
  auto* caption = new QLabel(tr("Pattern"));
  caption->setProperty("role", "muted");
  row->addWidget(caption);
  pattern_ = new QLineEdit;
  connect(pattern_, &QLineEdit::returnPressed, this, [this] {
    canvasEditor_->setPattern(pattern_->text().trimmed());
    canvas_->setFocus(Qt::OtherFocusReason);
  });
  pattern_->setFixedWidth(132);
  pattern_->setFont(Theme::instance().code());
  pattern_->setToolTip(tr("M mamba, E expert layer, * attention, - dense feed-forward, (…)n repeat, (M|E) parallel.\nType another and press Enter: blocks the design has keep their settings."));
  pattern_->setAccessibleName(tr("Pattern of the design"));
  row->addWidget(pattern_);
  row->addStretch(1);
  if (QAction* search = actions.find(QStringLiteral("palette.open")))
    row->addWidget(keyedButton(search, QStringLiteral("search"), tr("Actions"), QKeySequence(Qt::CTRL | Qt::Key_K).toString(QKeySequence::NativeText)));
  auto* train = keyedButton(actions.find(QStringLiteral("train.design")), QStringLiteral("play"), tr("Train"), tr("Space"));
  train->setProperty("role", "primary");
  row->addWidget(train);
  train_ = train;
}

}  // namespace serp::app
