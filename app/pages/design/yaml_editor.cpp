// SPDX-License-Identifier: GPL-3.0-or-later
// Gutter, underlines, strips, and the two-way traffic of text.
#include "app/pages/design/yaml_editor.h"

#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QTextBlock>
#include <algorithm>
#include <map>

#include "app/pages/design/fault_strip.h"
#include "app/pages/design/yaml_highlighter.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kGutter = 44, kMaxStrips = 12;

QColor markColor() { return Theme::mix(Theme::instance().color(Tone::Background), Theme::instance().color(Tone::Text), 0.06); }

class Gutter final : public QWidget {
 public:
  explicit Gutter(YamlEditor* editor) : QWidget(editor), editor_(editor) {}
  QSize sizeHint() const override { return {editor_->gutterWidth(), 0}; }

 protected:
  void paintEvent(QPaintEvent* event) override { editor_->paintGutter(event); }

 private:
  YamlEditor* editor_;
};

}  // namespace

YamlEditor::YamlEditor(QWidget* parent) : QPlainTextEdit(parent), gutter_(new Gutter(this)), layout_(new FaultLayout(document())) {
  document()->setDocumentLayout(layout_);
  new YamlHighlighter(document());
  setUndoRedoEnabled(false);
  setLineWrapMode(QPlainTextEdit::NoWrap);
  setFrameShape(QFrame::NoFrame);
  setTabChangesFocus(true);                       // two spaces are what YAML wants; Tab stays for moving on
  setFont(Theme::instance().code());
  setStyleSheet(QStringLiteral("QPlainTextEdit { border: none; border-radius: 0; padding: 0; } QAbstractScrollArea::corner { background: transparent; border: none; }"));
  setAccessibleName(tr("Text of the design"));
  setViewportMargins(gutterWidth(), 0, 0, 0);
  connect(this, &QPlainTextEdit::updateRequest, this, [this](const QRect& rect, int dy) {
    if (dy != 0) gutter_->scroll(0, dy);
    else gutter_->update(0, rect.y(), gutter_->width(), rect.height());
    placeStrips();
  });
  connect(this, &QPlainTextEdit::textChanged, this, [this] {
    if (!showing_) Q_EMIT edited(content());
  });
  connect(this, &QPlainTextEdit::cursorPositionChanged, this, [this] {
    if (!showing_ && hasFocus()) Q_EMIT lineChanged(textCursor().blockNumber() + 1);
    gutter_->update();
  });
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    setFont(Theme::instance().code());
    markText();
    setDiagnostics(diagnostics_);
  });
}

YamlEditor::~YamlEditor() = default;

int YamlEditor::gutterWidth() const { return kGutter; }

QString YamlEditor::content() const {
  QString text = toPlainText();
  return windowsEnds_ ? text.replace(QLatin1Char('\n'), QLatin1String("\r\n")) : text;
}

void YamlEditor::showText(const QString& given) {
  windowsEnds_ = given.contains(QLatin1String("\r\n"));
  const QString text = windowsEnds_ ? QString(given).replace(QLatin1String("\r\n"), QLatin1String("\n")) : given;
  const QString old = toPlainText();
  if (old == text) return;
  showing_ = true;
  qsizetype head = 0;
  const qsizetype most = std::min(old.size(), text.size());
  while (head < most && old[head] == text[head]) ++head;
  qsizetype tail = 0;
  while (tail < most - head && old[old.size() - 1 - tail] == text[text.size() - 1 - tail]) ++tail;
  QTextCursor cursor(document());
  cursor.setPosition(static_cast<int>(head));
  cursor.setPosition(static_cast<int>(old.size() - tail), QTextCursor::KeepAnchor);
  cursor.insertText(text.mid(head, text.size() - tail - head));
  showing_ = false;
}

void YamlEditor::setDiagnostics(const Diagnostics& diagnostics) {
  if (&diagnostics != &diagnostics_) diagnostics_ = diagnostics;
  for (FaultStrip* strip : strips_) strip->deleteLater();
  strips_.clear();
  std::map<int, std::vector<const Diagnostic*>> byLine;
  for (const Diagnostic& d : diagnostics_.items)
    if (d.severity == Severity::Error) byLine[std::clamp(d.line, 1, std::max(1, blockCount()))].push_back(&d);
  for (const auto& [line, faults] : byLine) {
    if (static_cast<int>(strips_.size()) == kMaxStrips) break;  // the list below shows the rest
    auto* strip = new FaultStrip(*faults.front(), static_cast<int>(faults.size()) - 1, remedy_ && faults.front()->fix.empty() ? remedy_(*faults.front()) : QString(), viewport());
    connect(strip, &FaultStrip::fixChosen, this, [this, strip] { Q_EMIT fixChosen(strip->diagnostic()); });
    strips_.push_back(strip);
  }
  makeRoom();
  markText();
  placeStrips();
  showStripOfCursor();
  viewport()->update();
  gutter_->update();
}

void YamlEditor::showStripOfCursor() {
  const QTextBlock block = textCursor().block();
  if (layout_->strip(block.blockNumber()) == 0) return;
  QScrollBar* bar = verticalScrollBar();
  while (bar->value() < bar->maximum() && blockBoundingGeometry(block).translated(contentOffset()).bottom() > viewport()->height() &&
         blockBoundingGeometry(block).translated(contentOffset()).top() > 0)
    bar->setValue(bar->value() + 1);
}

void YamlEditor::makeRoom() {
  QHash<int, int> heights;
  for (FaultStrip* strip : strips_)
    heights.insert(std::clamp(strip->diagnostic().line, 1, std::max(1, blockCount())) - 1, strip->heightFor(viewport()->width()));
  layout_->setStrips(heights);
}

void YamlEditor::placeStrips() {
  for (FaultStrip* strip : strips_) {
    const int line = std::clamp(strip->diagnostic().line, 1, std::max(1, blockCount())) - 1, height = layout_->strip(line);
    const QTextBlock block = document()->findBlockByNumber(line);
    const QRectF box = blockBoundingGeometry(block).translated(contentOffset());
    const bool seen = block.isValid() && height > 0 && box.bottom() > 0 && box.top() < viewport()->height();
    strip->setVisible(seen);
    if (seen) strip->setGeometry(0, static_cast<int>(box.bottom()) - height, viewport()->width(), height);
  }
}

void YamlEditor::markText() {
  QList<QTextEdit::ExtraSelection> marks;
  const Theme& theme = Theme::instance();
  for (const Diagnostic& d : diagnostics_.items) {
    const QTextBlock block = document()->findBlockByNumber(d.line - 1);
    if (d.line < 1 || !block.isValid() || d.severity == Severity::Note) continue;
    const int from = std::clamp(d.column - 1, 0, std::max(0, block.length() - 1));
    int length = d.length;
    if (length <= 0) {  // unknown: the word that begins there
      const QString text = block.text();
      while (from + length < text.size() && !text[from + length].isSpace() && !QStringLiteral(",:}]").contains(text[from + length])) ++length;
    }
    QTextEdit::ExtraSelection mark;
    mark.format.setUnderlineStyle(QTextCharFormat::WaveUnderline);
    mark.format.setUnderlineColor(theme.color(d.severity == Severity::Error ? Tone::Danger : Tone::Experts));
    mark.cursor = QTextCursor(block);
    mark.cursor.setPosition(block.position() + from);
    mark.cursor.setPosition(std::min(block.position() + from + std::max(1, length), block.position() + std::max(1, block.length() - 1)), QTextCursor::KeepAnchor);
    marks.append(mark);
  }
  setExtraSelections(marks);
}

void YamlEditor::setMarkedLines(int first, int last) {
  if (first == markedFirst_ && last == markedLast_) return;
  markedFirst_ = first;
  markedLast_ = last;
  viewport()->update();
  gutter_->update();
}

void YamlEditor::paintEvent(QPaintEvent* event) {
  {  // the lines of what is selected, under the text and over the whole width
    QPainter p(viewport());
    const QColor tint = markColor();
    for (QTextBlock block = firstVisibleBlock(); block.isValid() && block.blockNumber() < markedLast_; block = block.next()) {
      const QRectF box = blockBoundingGeometry(block).translated(contentOffset());
      if (box.top() > event->rect().bottom()) break;
      if (block.blockNumber() + 1 >= markedFirst_ && markedFirst_ > 0) p.fillRect(QRectF(0, box.top(), viewport()->width(), box.height()), tint);
    }
  }
  QPlainTextEdit::paintEvent(event);
}

void YamlEditor::goTo(int line, int column) {
  const QTextBlock block = document()->findBlockByNumber(std::max(1, line) - 1);
  if (!block.isValid()) return;
  QTextCursor cursor(block);
  cursor.setPosition(block.position() + std::clamp(column - 1, 0, std::max(0, block.length() - 1)));
  setTextCursor(cursor);
  ensureCursorVisible();
}

void YamlEditor::applyFix() {
  const Diagnostic* best = nullptr;
  const int line = textCursor().blockNumber() + 1;
  for (const Diagnostic& d : diagnostics_.items) {
    if (d.fix.empty() && (!remedy_ || remedy_(d).isEmpty())) continue;
    if (!best || (best->line != line && d.line == line)) best = &d;
  }
  if (best) Q_EMIT fixChosen(Diagnostic(*best));
}

void YamlEditor::resizeEvent(QResizeEvent* event) {
  QPlainTextEdit::resizeEvent(event);
  const QRect inner = contentsRect();
  gutter_->setGeometry(inner.left(), inner.top(), gutterWidth(), inner.height());
  makeRoom();
  placeStrips();
}

bool YamlEditor::event(QEvent* event) {
  // Undo and redo go to the document, whose history also knows the form; Ctrl+Z must not be swallowed by the text field.
  if (event->type() == QEvent::ShortcutOverride) {
    auto* key = static_cast<QKeyEvent*>(event);
    if (key->matches(QKeySequence::Undo) || key->matches(QKeySequence::Redo)) {
      event->accept();
      return true;
    }
  }
  return QPlainTextEdit::event(event);
}

void YamlEditor::keyPressEvent(QKeyEvent* event) {
  if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && event->modifiers().testFlag(Qt::AltModifier)) return applyFix();
  if (event->key() == Qt::Key_Escape) return event->ignore();  // the page takes the focus back to the canvas
  if (event->matches(QKeySequence::Undo)) return Q_EMIT undoWanted();
  if (event->matches(QKeySequence::Redo)) return Q_EMIT redoWanted();
  if (event->key() == Qt::Key_Return && event->modifiers() == Qt::NoModifier) {  // keep the indentation
    const QString line = textCursor().block().text();
    qsizetype indent = 0;
    while (indent < line.size() && line[indent] == QLatin1Char(' ')) ++indent;
    indent = std::min<qsizetype>(indent, textCursor().positionInBlock());
    insertPlainText(QLatin1Char('\n') + QString(indent, QLatin1Char(' ')));
    ensureCursorVisible();
    return;
  }
  QPlainTextEdit::keyPressEvent(event);
}

void YamlEditor::paintGutter(QPaintEvent* event) {
  const Theme& theme = Theme::instance();
  QPainter p(gutter_);
  p.fillRect(event->rect(), theme.color(Tone::Background));
  const QColor tint = markColor();
  p.setFont(theme.caption());
  const int current = textCursor().blockNumber();
  for (QTextBlock block = firstVisibleBlock(); block.isValid(); block = block.next()) {
    const QRectF box = blockBoundingGeometry(block).translated(contentOffset());
    if (box.top() > event->rect().bottom()) break;
    const int strip = layout_->strip(block.blockNumber());
    const double height = box.height() - strip;  // with the leading below the text
    if (block.blockNumber() + 1 >= markedFirst_ && block.blockNumber() < markedLast_) p.fillRect(QRectF(0, box.top(), kGutter, height), tint);
    p.setPen(theme.color(block.blockNumber() == current || strip > 0 ? Tone::Text : Tone::Muted));
    p.drawText(QRectF(0, box.top(), kGutter - 14, height - kLeading), Qt::AlignRight | Qt::AlignVCenter, QString::number(block.blockNumber() + 1));
    if (strip == 0) continue;
    p.fillRect(QRectF(0, box.top() + height, kGutter, strip), Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Danger), 0.16));
    p.fillRect(QRectF(0, box.top() + height, 3, strip), theme.color(Tone::Danger));
  }
}

}  // namespace serp::app
