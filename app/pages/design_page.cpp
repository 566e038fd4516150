// SPDX-License-Identifier: GPL-3.0-or-later
// Text, form and canvas show one document; each edit goes through the text and comes back as a plan.
#include "app/pages/design_page.h"

#include <QAction>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSplitter>
#include <QTreeView>
#include <QVBoxLayout>
#include <algorithm>

#include "app/canvas/canvas_view.h"
#include "app/canvas/design_scene.h"
#include "app/models/presets_model.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/cost_bar.h"
#include "app/pages/design/fault_list.h"
#include "app/pages/design/gallery.h"
#include "app/pages/design/insert_block.h"
#include "app/pages/design/palette.h"
#include "app/pages/design/yaml_editor.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"
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

DesignPage::DesignPage(Workspace& workspace, QWidget* parent) : Page(tr("Design"), workspace, parent) {
  setProperty("role", "page");
  palette_ = new Palette;
  canvas_ = new CanvasView;
  form_ = new BlockForm;
  editor_ = new YamlEditor;
  faults_ = new FaultList;
  cost_ = new CostBar;
  presets_ = new PresetsModel(this);
  gallery_ = new Gallery(presets_, this);
  formPanel_ = new Panel(tr("Design"), {});
  formPanel_->setBody(form_);
  textPanel_ = new Panel(tr("Text"), tr("edits the diagram, and back"));
  textPanel_->setBody(editor_);
  textPanel_->body()->setSpacing(0);
  textPanel_->body()->addWidget(faults_);
  faultTag_ = new QLabel;
  faultTag_->setProperty("role", "tag-fault");
  faultTag_->hide();
  textPanel_->addHeaderWidget(faultTag_);

  auto* right = right_ = new QSplitter(Qt::Vertical);
  right->addWidget(formPanel_);
  right->addWidget(textPanel_);
  right->setHandleWidth(metric::kGrid);
  right->setChildrenCollapsible(false);
  auto* rightBox = new QWidget;
  auto* rightColumn = new QVBoxLayout(rightBox);
  rightColumn->setContentsMargins(0, 8, 8, 8);
  rightColumn->addWidget(right);
  rightBox->setMinimumWidth(320);
  auto* columns = columns_ = new QSplitter(Qt::Horizontal);
  columns->addWidget(palette_);
  columns->addWidget(canvas_);
  columns->addWidget(rightBox);
  columns->setHandleWidth(metric::kGrid);
  for (int i = 0; i < 3; ++i) columns->setStretchFactor(i, i == 1 ? 1 : 0);
  columns->setChildrenCollapsible(false);
  for (QSplitter* splitter : {right_, columns_})
    connect(splitter, &QSplitter::splitterMoved, this, [this] { arranged_ = true; });
  auto* page = new QVBoxLayout(this);
  page->setContentsMargins(0, 0, 0, 0);
  page->setSpacing(0);
  page->addWidget(columns, 1);
  page->addWidget(cost_);
  topBar_ = new QWidget;
  registerActions();
  buildTopBar();

  DesignDocument* design = workspace_.design;
  connect(design, &DesignDocument::changed, this, &DesignPage::showText);
  connect(design, &DesignDocument::planned, this, &DesignPage::showPlan);
  connect(editor_, &YamlEditor::edited, design, &DesignDocument::setText);
  connect(editor_, &YamlEditor::undoWanted, &design->undoStack(), &QUndoStack::undo);
  connect(editor_, &YamlEditor::redoWanted, &design->undoStack(), &QUndoStack::redo);
  connect(editor_, &YamlEditor::fixChosen, this, [design](const Diagnostic& d) {
    design->replaceAt(d.line, d.column, d.length, QString::fromStdString(d.fix));
  });
  connect(editor_, &YamlEditor::lineChanged, this, [this](int line) {
    const DesignDocument& d = *workspace_.design;
    const BlockSpec* block = d.spec() && d.faultCount() == 0 ? blockOnLine(d.spec()->blocks, line) : nullptr;
    if (block && QString::fromStdString(block->path) != selected_) select(QString::fromStdString(block->path));
  });
  connect(faults_, &FaultList::chosen, this, [this](int line, int column) {
    editor_->goTo(line, column);
    editor_->setFocus();
  });
  connect(form_, &BlockForm::edited, this, [this](const QString& path, const QString& yaml) {
    if (workspace_.design->setValue(path, yaml)) return;
    workspace_.notices->error(workspace_.design->error());
    showForm();                                    // back to what the text says
  });
  connect(form_, &BlockForm::refused, this, [this](const QString& sentence) { workspace_.notices->warning(sentence); });
  connect(form_, &BlockForm::headed, this, [this](const QString& title, const QString& place, const QString& family) {
    const QColor hue = Theme::instance().family(family);
    formPanel_->setTitle(family.isEmpty() ? title : QStringLiteral("<span style='color:%1'>■</span>&nbsp; %2").arg(hue.name(), title.toHtmlEscaped()));
    formPanel_->setAccessibleName(title);
    formPanel_->setSubtitle(place);
  });
  connect(canvas_, &CanvasView::selectionMoved, this, &DesignPage::select);
  connect(canvas_, &CanvasView::activated, this, [this](const QString& id) {
    select(id);
    form_->focusFirst();
  });
  connect(palette_, &Palette::blockChosen, this, &DesignPage::addBlock);
  connect(gallery_, &Gallery::chosen, this, &DesignPage::openPreset);
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    pattern_->setFont(Theme::instance().code());
    if (isVisible()) showPlan();
    else stale_ = true;
  });
  setTabOrder(palette_->tree(), canvas_);
}

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
  row->addWidget(separator());
  auto* caption = new QLabel(tr("Pattern"));
  caption->setProperty("role", "muted");
  row->addWidget(caption);
  pattern_ = new QLineEdit;
  pattern_->setReadOnly(true);
  pattern_->setFixedWidth(132);
  pattern_->setFont(Theme::instance().code());
  pattern_->setToolTip(tr("M mamba, E expert layer, * attention, - dense feed-forward, (…)n repeat, (M|E) parallel"));
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

void DesignPage::addBlock(const QString& kind) {
  DesignDocument* design = workspace_.design;
  if (!design->isSettled()) design->parseNow();
  if (design->faultCount() > 0 || !design->spec()) return workspace_.notices->warning(tr("The text has faults: mend them first, then add blocks."));
  const auto next = withBlockAfter(design->text(), *design->spec(), selected_, kind);
  if (!next) return workspace_.notices->warning(tr("This list of blocks stands on one line of the text; add {kind: %1} there.").arg(kind));
  design->setText(next->text);
  design->parseNow();
  select(next->path);
  canvas_->setFocus(Qt::OtherFocusReason);
}

void DesignPage::showText() {
  const DesignDocument& design = *workspace_.design;
  editor_->showText(design.text());
  showTitle();
  if (!design.spec() || design.text().count(QLatin1Char('\n')) != QString::fromStdString(design.spec()->text).count(QLatin1Char('\n'))) editor_->setMarkedLines(0, 0);
  Q_EMIT statusChanged();
}

void DesignPage::showTitle() {
  const DesignDocument& design = *workspace_.design;
  title_->setText(design.title() + (design.isDirty() ? QStringLiteral(" <span style='color:%1'>●</span>").arg(Theme::instance().color(Tone::Experts).name()) : QString()));
  title_->setToolTip(design.isDirty() ? tr("Changed since it was saved") : design.file());
  textPanel_->setTitle(design.file().isEmpty() ? design.title() + QStringLiteral(".yaml") : design.file().section(QLatin1Char('/'), -1));
}

QString DesignPage::faultCountText() const {
  const int faults = workspace_.design->faultCount();
  return faults == 1 ? tr("1 fault") : tr("%1 faults").arg(faults);
}

void DesignPage::showPlan() {
  const DesignDocument& design = *workspace_.design;
  const int faults = design.faultCount();
  if (QAction* action = workspace_.actions->find(QStringLiteral("train.design")))
    action->setToolTip(faults > 0 ? tr("Train waits for %1: %2").arg(faultCountText(), QString::fromStdString(design.diagnostics().items.front().text()))
                                  : tr("Trains this design in a new run (Space on this page, Ctrl+Return anywhere)"));
  Q_EMIT statusChanged();
  stale_ = !isVisible();
  if (stale_) return;
  showTitle();
  showFaults();
  cost_->setPlan(design.plan() ? &*design.plan() : nullptr,
                 design.spec() ? QString::fromStdString(design.spec()->top.text("precision")) : QString(), faults > 0);
  if (design.plan()) {
    pattern_->setText(QString::fromStdString(design.plan()->pattern));
    pattern_->setCursorPosition(0);
    if (faults == 0) canvas_->setDesign(*design.spec(), *design.plan());
    canvas_->setFaults(design.diagnostics());
  } else {
    pattern_->clear();
    canvas_->clearDesign(tr("This text is no design yet. Each fault is listed beside it; the diagram appears as soon as the last one is gone."));
  }
  showForm();
  markLines(false);
}

void DesignPage::showFaults() {
  const DesignDocument& design = *workspace_.design;
  editor_->setDiagnostics(design.diagnostics());
  faults_->setDiagnostics(design.diagnostics());
  faultTag_->setVisible(design.faultCount() > 0);
  faultTag_->setText(faultCountText());
}

void DesignPage::showForm() {
  const DesignDocument& design = *workspace_.design;
  if (design.plan()) form_->show(selected_, *design.spec(), *design.plan());
  else form_->showNothing(tr("The fields appear as soon as the text is a design."));
}

void DesignPage::select(const QString& id) {
  selected_ = id;
  canvas_->select(id);
  showForm();
  markLines(true);
}

void DesignPage::markLines(bool scroll) {
  const DesignDocument& design = *workspace_.design;
  // While the text has faults the places are those of the last good one: they hold as long as no line came or went.
  const bool placed = design.spec() && design.text().count(QLatin1Char('\n')) == QString::fromStdString(design.spec()->text).count(QLatin1Char('\n'));
  const BlockSpec* block = placed ? blockAt(design.spec()->blocks, selected_.toStdString()) : nullptr;
  if (!block) return editor_->setMarkedLines(0, 0);
  const int last = block->endPlace.line - (block->endPlace.column <= 1 ? 1 : 0);
  editor_->setMarkedLines(block->place.line, std::max(block->place.line, last));
  if (scroll && !editor_->hasFocus()) editor_->goTo(block->place.line, block->place.column);
}

QString DesignPage::statusText() const {
  const DesignDocument& design = *workspace_.design;
  if (design.faultCount() > 0) return tr("Train waits for %1").arg(faultCountText());
  return design.isDirty() ? tr("%1, changed since it was saved").arg(design.title()) : tr("%1, ready to train").arg(design.title());
}

void DesignPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  if (presets_->rowCount() == 0) presets_->load();
  if (!stale_) return;
  showText();
  showPlan();
}

void DesignPage::resizeEvent(QResizeEvent* event) {
  Page::resizeEvent(event);
  palette_->setMaximumWidth(width() < 1300 ? 168 : 220);
  if (arranged_) return;                          // a person has moved a border: it stays where it was put
  const int narrow = width() < 1300 ? 160 : 176, side = std::clamp(width() * 318 / 1000, 344, 480), text = std::clamp(height() * 44 / 100, 240, 420);
  columns_->setSizes({narrow, width() - narrow - side, side});
  right_->setSizes({std::max(1, height() - text), text});
}

void DesignPage::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Space && event->modifiers() == Qt::NoModifier) return workspace_.actions->trigger(QStringLiteral("train.design"));
  if (event->key() == Qt::Key_Escape && !canvas_->hasFocus()) return canvas_->setFocus(Qt::OtherFocusReason);  // from form and text back to the diagram
  Page::keyPressEvent(event);
}

}  // namespace serp::app
