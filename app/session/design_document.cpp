// SPDX-License-Identifier: GPL-3.0-or-later
// Text in, spec and plan out, without ever making a keystroke wait.
#include "app/session/design_document.h"

#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QUndoCommand>

#include "app/models/background.h"

namespace serp::app {
namespace {

constexpr int kDebounceMs = 150, kMergeMs = 1200, kUndoSteps = 500;
constexpr qsizetype kReadAtOnce = 100'000;   ///< characters; a design of a thousand blocks has half of that

QString toQt(const std::string& text) { return QString::fromStdString(text); }

}  // namespace

/// One change as two whole texts: designs are a few kilobytes and Qt shares them, so a difference would save nothing.
class TextCommand final : public QUndoCommand {
 public:
  TextCommand(DesignDocument& document, QString before, QString after, QString key, bool joins, int delayMs)
      : document_(document), before_(std::move(before)), after_(std::move(after)), key_(std::move(key)), joins_(joins), delayMs_(delayMs) {
    setText(key_.isEmpty() ? QObject::tr("typing") : key_);
    clock_.start();
  }
  void undo() override { document_.apply(before_, 0); }
  void redo() override { document_.apply(after_, delayMs_); }
  int id() const override { return 1; }
  bool mergeWith(const QUndoCommand* other) override {
    const auto* next = static_cast<const TextCommand*>(other);
    if (!next->joins_ || next->key_ != key_ || clock_.elapsed() > kMergeMs) return false;
    after_ = next->after_;
    clock_.restart();
    setObsolete(after_ == before_);
    return true;
  }

 private:
  DesignDocument& document_;
  QString before_, after_, key_;
  bool joins_;
  int delayMs_;
  QElapsedTimer clock_;
};

/// One gesture on the canvas: a text and a selection, before and after.
class EditCommand final : public QUndoCommand {
 public:
  EditCommand(DesignDocument& document, QString before, QStringList selectedBefore, QString after, QStringList selectedAfter, const QString& label)
      : document_(document), before_(std::move(before)), after_(std::move(after)), selectedBefore_(std::move(selectedBefore)), selectedAfter_(std::move(selectedAfter)) {
    setText(label);
  }
  void undo() override { document_.applyEdit(before_, selectedBefore_); }
  void redo() override { document_.applyEdit(after_, selectedAfter_); }

 private:
  DesignDocument& document_;
  QString before_, after_;
  QStringList selectedBefore_, selectedAfter_;
};

/// Another design takes the place of one with unsaved changes: undo brings the former back, its file and title too.
class OpenCommand final : public QUndoCommand {
 public:
  OpenCommand(DesignDocument& document, DesignDocument::State before, DesignDocument::State after)
      : document_(document), before_(std::move(before)), after_(std::move(after)) {
    setText(QObject::tr("opening another design"));
  }
  void undo() override { document_.restore(before_); }
  void redo() override { document_.restore(after_); }

 private:
  DesignDocument& document_;
  DesignDocument::State before_, after_;
};

DesignDocument::DesignDocument(QObject* parent) : QObject(parent) {
  undo_.setUndoLimit(kUndoSteps);
  timer_.setSingleShot(true);
  connect(&timer_, &QTimer::timeout, this, &DesignDocument::startReading);
}

bool DesignDocument::open(const QString& presetOrPath) {
  auto spec = loadRunSpec(presetOrPath.toStdString());
  if (spec) {
    const QString file = toQt(spec->file);
    const QString text = toQt(spec->text);
    const bool isFile = QFileInfo::exists(presetOrPath);
    begin({text, text, isFile ? file : QString(), isFile ? QString() : presetOrPath, {}});
    return true;
  }
  QFile raw(presetOrPath);  // a design with faults still opens: the page is where they are mended
  if (raw.open(QIODevice::ReadOnly) && raw.size() < (4 << 20)) {
    const QByteArray bytes = raw.readAll();
    const QString text = QString::fromUtf8(bytes);
    if (text.toUtf8() != bytes || text.contains(QChar(0))) {  // shown, it would lose bytes when it is saved
      error_ = tr("%1 is not a text in UTF-8").arg(presetOrPath);
      return false;
    }
    setDesign(text, {}, presetOrPath);
    return true;
  }
  error_ = toQt(spec.faults().text());
  return false;
}

void DesignDocument::setDesign(const QString& text, const QString& title, const QString& file) { begin({text, text, file, {}, title}); }

void DesignDocument::begin(const State& state) {
  if (isDirty()) {  // nothing is lost: undo goes back to what was not saved
    undo_.push(new OpenCommand(*this, {text_, saved_, file_, preset_, title_}, state));
    return;
  }
  undo_.clear();
  restore(state);
}

void DesignDocument::show(const Draft& draft) {
  undo_.clear();
  restore(draft);
}

void DesignDocument::restore(const State& state) {
  Q_EMIT aboutToOpen();
  text_ = state.text;
  saved_ = state.saved;
  file_ = state.file;
  preset_ = state.preset;
  title_ = state.title;
  spec_.reset();
  plan_.reset();
  ++version_;
  timer_.stop();
  adopt(read(version_, text_.toStdString(), file_.toStdString()));
  Q_EMIT changed();  // the text first: faults are shown on its lines
  Q_EMIT planned();
  Q_EMIT opened();
}

bool DesignDocument::save() {
  if (file_.isEmpty()) {
    error_ = tr("This design has no file yet: use Save as.");
    return false;
  }
  return saveAs(file_);
}

bool DesignDocument::saveAs(const QString& path) {
  QSaveFile file(path);
  const QByteArray bytes = text_.toUtf8();
  if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit()) {
    error_ = tr("%1 was not written: %2. The design is still open and unchanged.").arg(path, file.errorString());
    return false;
  }
  file_ = path;
  preset_.clear();
  saved_ = text_;
  undo_.setClean();
  Q_EMIT changed();
  return true;
}

void DesignDocument::setText(const QString& text) {
  if (text == text_) return;
  // A word typed in one go is one step; a line break, a paste or a deletion of a selection begins a new one.
  const bool small = qAbs(text.size() - text_.size()) == 1 && text.count(QLatin1Char('\n')) == text_.count(QLatin1Char('\n'));
  undo_.push(new TextCommand(*this, text_, text, {}, small, kDebounceMs));
}

bool DesignDocument::setValue(const QString& path, const QString& value) {
  auto next = withValue(text_.toStdString(), path.toStdString(), value.toStdString());
  if (!next) {
    error_ = toQt(next.faults().text());
    return false;
  }
  const QString text = toQt(*next);
  if (text != text_) undo_.push(new TextCommand(*this, text_, text, path, true, 0));
  return true;
}

bool DesignDocument::edit(Result<DesignEdit> edit, const QStringList& before) {
  if (!edit) {
    error_ = edit.faults().items.empty() ? tr("The text has faults; mend them first.") : toQt(edit.faults().items.front().message);
    return false;
  }
  const QString text = toQt(edit->text);
  QStringList after;
  for (const std::string& path : edit->selection) after << toQt(path);
  if (text == text_) {
    Q_EMIT selectionWanted(after);
    return true;
  }
  undo_.push(new EditCommand(*this, text_, before, text, after, toQt(edit->label)));
  return true;
}

void DesignDocument::applyEdit(const QString& text, const QStringList& selection) {
  wanted_.emplace(version_ + 1, selection);
  apply(text, 0);
  if (text.size() < kReadAtOnce) parseNow();
}

bool DesignDocument::replaceAt(int line, int column, int length, const QString& with) {
  qsizetype at = 0;
  for (int i = 1; i < line; ++i) {
    at = text_.indexOf(QLatin1Char('\n'), at) + 1;
    if (at == 0) return false;
  }
  at += column - 1;
  if (at < 0 || at + length > text_.size()) return false;
  QString next = text_;
  next.replace(at, length, with);
  undo_.push(new TextCommand(*this, text_, next, tr("fix"), false, 0));
  return true;
}

QString DesignDocument::title() const {
  if (!title_.isEmpty()) return title_;
  if (spec_ && !spec_->name.empty()) return toQt(spec_->name);
  return file_.isEmpty() ? tr("untitled") : QFileInfo(file_).completeBaseName();
}

int DesignDocument::faultCount() const {
  int count = 0;
  for (const Diagnostic& d : diagnostics_.items) count += d.severity == Severity::Error;
  return count;
}

void DesignDocument::apply(const QString& text, int delayMs) {
  text_ = text;
  ++version_;
  timer_.start(delayMs);
  Q_EMIT changed();
}

DesignDocument::Reading DesignDocument::read(quint64 version, const std::string& text, const std::string& file) {
  Reading out;
  out.version = version;
  DraftSpec draft = draftRunSpec(text, file);
  if (!draft.spec) {
    out.diagnostics = std::move(draft.faults);
    return out;
  }
  if (draft.faults.hasErrors()) {
    out.diagnostics = std::move(draft.faults);
    out.plan = planDraft(*draft.spec);
  } else if (auto plan = planRun(*draft.spec)) {
    out.diagnostics = plan->diagnostics;
    out.plan = std::move(*plan);
  } else {
    out.diagnostics = plan.faults();
  }
  if (out.plan) out.spec = std::move(draft.spec);
  return out;
}

void DesignDocument::parseNow() {
  timer_.stop();
  take(read(version_, text_.toStdString(), file_.toStdString()));
}

void DesignDocument::startReading() {
  if (reading_) return;  // take() looks again
  reading_ = true;
  inBackground(
      this, [version = version_, text = text_.toStdString(), file = file_.toStdString()] { return read(version, text, file); },
      [this](Reading reading) {
        reading_ = false;
        if (reading.version > planned_) take(std::move(reading));
        if (planned_ != version_ && !timer_.isActive()) timer_.start(kDebounceMs);
      });
}

void DesignDocument::adopt(Reading reading) {
  planned_ = reading.version;
  diagnostics_ = std::move(reading.diagnostics);
  readable_ = reading.spec.has_value();
  if (!readable_) return;
  spec_ = std::move(reading.spec);
  plan_ = std::move(reading.plan);
}

void DesignDocument::take(Reading reading) {
  adopt(std::move(reading));
  Q_EMIT planned();
  if (!wanted_ || wanted_->first > planned_) return;
  const auto [version, selection] = *wanted_;
  wanted_.reset();
  if (version == planned_) Q_EMIT selectionWanted(selection);
}

}  // namespace serp::app
