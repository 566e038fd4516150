// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a design: line numbers, colours, and each fault shown under its line with a button that mends it.
#pragma once

#include <QPlainTextEdit>
#include <functional>
#include <utility>
#include <vector>

#include "engine/api/diagnostic.h"

namespace serp::app {

class FaultLayout;
class FaultStrip;

/// Its own undo is off: the document's history is the one for text, form and canvas.
class YamlEditor final : public QPlainTextEdit {
  Q_OBJECT
 public:
  explicit YamlEditor(QWidget* parent = nullptr);
  ~YamlEditor() override;

  /// Takes over a text changed elsewhere by the smallest edit, so that cursor and scrolling stay. Windows line ends stay too.
  void showText(const QString& text);
  void setDiagnostics(const Diagnostics& diagnostics);
  /// Words of a remedy for faults without a replacement text; empty: there is none.
  void offerRemediesBy(std::function<QString(const Diagnostic&)> remedy) { remedy_ = std::move(remedy); }
  void setMarkedLines(int first, int last);        ///< the selected block's lines, from 1; 0 = none
  void goTo(int line, int column);
  std::pair<int, int> markedLines() const { return {markedFirst_, markedLast_}; }
  int faultsShown() const { return static_cast<int>(strips_.size()); }
  const std::vector<FaultStrip*>& strips() const { return strips_; }
  /// Applies the fix of the fault at the cursor's line, else of the first one that has a fix.
  void applyFix();

  int gutterWidth() const;
  void paintGutter(QPaintEvent* event);

 Q_SIGNALS:
  void edited(const QString& text);                ///< by the person, not by showText()
  void fixChosen(const serp::Diagnostic& diagnostic);
  void lineChanged(int line);                      ///< where the person put the cursor
  void undoWanted();
  void redoWanted();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  bool event(QEvent* event) override;

 private:
  QString content() const;                         ///< with the line ends the text came with
  void makeRoom();
  void placeStrips();
  void showStripOfCursor();                        ///< a fault just made by typing is seen at once
  void markText();

  QWidget* gutter_;
  FaultLayout* layout_;
  std::vector<FaultStrip*> strips_;
  Diagnostics diagnostics_;
  std::function<QString(const Diagnostic&)> remedy_;
  int markedFirst_ = 0, markedLast_ = 0;
  bool showing_ = false, windowsEnds_ = false;
};

}  // namespace serp::app
