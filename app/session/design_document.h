// SPDX-License-Identifier: GPL-3.0-or-later
// The open design: its YAML text, what the text means (spec and plan), what is wrong with it, and its undo history.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <QUndoStack>
#include <optional>

#include "engine/api/diagnostic.h"
#include "engine/api/edit.h"
#include "engine/api/plan.h"
#include "engine/api/spec.h"

namespace serp::app {

/// GUI thread only. The text is the truth: the form and the canvas change it through setValue(), the editor through setText().
/// Reading and planning run in the pool 150 ms after the last change; the last good spec and plan stay until a better one is there.
class DesignDocument final : public QObject {
  Q_OBJECT
 public:
  explicit DesignDocument(QObject* parent = nullptr);

  /// A shipped preset ("start/moe_mamba") or a path; read and planned before it returns. False: error() says why.
  bool open(const QString& presetOrPath);
  /// A text that has no file yet, read and planned before it returns. The undo history begins anew, unless the design before it
  /// had unsaved changes: then undo brings that back.
  void setDesign(const QString& text, const QString& title = {}, const QString& file = {});
  /// An open design as values: what a tab keeps while another is shown.
  struct Draft { QString text, saved, file, preset, title; };
  Draft draft() const { return {text_, saved_, file_, preset_, title_}; }
  void show(const Draft& draft);              ///< undo history begins anew
  bool save();                                ///< false without a file, or when it cannot be written: error()
  bool saveAs(const QString& path);
  const QString& error() const { return error_; }

  const QString& text() const { return text_; }
  void setText(const QString& text);          ///< as typed; typing in one go is one undo step
  /// Replaces one key's value in place, comments and layout stay. `value` as it would stand in YAML. False: error() says why.
  bool setValue(const QString& path, const QString& value);
  /// One gesture of an editor as one undo step; undone or redone it also brings its selection back. `before`: what is selected now.
  /// False: error() says why there is no such edit. Small designs are read and planned before it returns.
  bool edit(Result<DesignEdit> edit, const QStringList& before);
  /// Replaces `length` characters at a line and column (from 1): how a fix is applied.
  bool replaceAt(int line, int column, int length, const QString& with);

  const QString& file() const { return file_; }
  const QString& preset() const { return preset_; }   ///< name of the preset it began as, or empty
  QString title() const;                      ///< the design's name, else the file's
  bool isDirty() const { return text_ != saved_; }
  bool isSettled() const { return planned_ == version_; }  ///< the diagnostics below belong to the newest text

  /// The last one whose keys could all be read. With faults it may still break rules (an empty list, widths that do not fit): then it
  /// can be drawn and edited, not trained.
  const std::optional<RunSpec>& spec() const { return spec_; }
  const std::optional<Plan>& plan() const { return plan_; }      ///< of the same text as spec()
  /// Whether spec() is what the text says; else the text is half typed and spec() older.
  bool isReadable() const { return readable_; }
  const Diagnostics& diagnostics() const { return diagnostics_; }
  /// While planned() is emitted: selectionWanted() follows, so that views need not show the old selection first.
  bool isSelectionComing() const { return wanted_ && wanted_->first == planned_; }
  int faultCount() const;
  void parseNow();                            ///< reads and plans at once; milliseconds
  QUndoStack& undoStack() { return undo_; }

 Q_SIGNALS:
  void aboutToOpen();                         ///< another design is about to take this one's place
  void opened();                              ///< and has
  void changed();                             ///< text, file or dirty flag
  void planned();                             ///< spec, plan or diagnostics
  void selectionWanted(const QStringList& paths);   ///< after an edit, its undo or redo; comes behind planned()

 private:
  friend class TextCommand;
  friend class EditCommand;
  friend class OpenCommand;
  using State = Draft;
  struct Reading {
    quint64 version = 0;
    std::optional<RunSpec> spec;
    std::optional<Plan> plan;
    Diagnostics diagnostics;
  };
  static Reading read(quint64 version, const std::string& text, const std::string& file);
  void apply(const QString& text, int delayMs);
  void applyEdit(const QString& text, const QStringList& selection);
  void startReading();
  void begin(const State& state);             ///< another design, as an undo step if this one is not saved
  void restore(const State& state);
  void adopt(Reading reading);                ///< without a signal
  void take(Reading reading);

  QString text_, saved_, file_, preset_, title_, error_;
  std::optional<RunSpec> spec_;
  std::optional<Plan> plan_;
  Diagnostics diagnostics_;
  QUndoStack undo_;
  QTimer timer_;
  quint64 version_ = 0, planned_ = 0;
  bool reading_ = false, readable_ = false;
  std::optional<std::pair<quint64, QStringList>> wanted_;   ///< selection of an edit that is still being read, and its version
};

}  // namespace serp::app
