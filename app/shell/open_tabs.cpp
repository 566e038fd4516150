// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the tabs in step with the document and the session, and drafts safe.
#include "app/shell/open_tabs.h"

#include <QAction>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QToolButton>
#include <algorithm>

#include "app/session/action_registry.h"
#include "app/session/notices.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/shell/open_files.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kDraftMs = 1500, kMostTabs = 24, kMostClosed = 20;

bool isDirty(const DesignDocument::Draft& draft) { return draft.text != draft.saved; }

bool sameDesign(const DesignDocument::Draft& a, const DesignDocument::Draft& b) {
  if (!a.file.isEmpty() || !b.file.isEmpty()) return a.file == b.file;
  if (!a.preset.isEmpty() || !b.preset.isEmpty()) return a.preset == b.preset;
  return a.title == b.title && a.text == b.text;
}

}  // namespace

OpenTabs::OpenTabs(Workspace& workspace, OpenFiles& files, QWidget* parent) : QTabBar(parent), workspace_(workspace), files_(files) {
  setAccessibleName(tr("Open designs and runs"));
  setDrawBase(false);
  setExpanding(false);
  setElideMode(Qt::ElideMiddle);
  setUsesScrollButtons(true);
  setFocusPolicy(Qt::TabFocus);
  setProperty("role", "open-tabs");
  setIconSize({16, 16});
  setFixedHeight(32);
  hide();
  later_.setSingleShot(true);
  later_.setInterval(kDraftMs);
  connect(&later_, &QTimer::timeout, this, [this] {
    if (save_) save_();
  });
  connect(this, &QTabBar::tabBarClicked, this, &OpenTabs::activate);
  connect(this, &QTabBar::currentChanged, this, [this](int index) {
    if (hasFocus()) activate(index);               // arrow keys
  });
  connect(workspace.design, &DesignDocument::aboutToOpen, this, &OpenTabs::park);
  connect(workspace.design, &DesignDocument::opened, this, &OpenTabs::adoptDesign);
  connect(workspace.design, &DesignDocument::changed, this, [this] {
    if (design_ >= 0 && !opening_) label(design_);
    changedSoon();
  });
  connect(workspace.session, &SessionController::runChanged, this, &OpenTabs::adoptRun);
  reopen_ = workspace.actions->add(QStringLiteral("file.reopen"), tr("Reopen closed design"), {}, tr("File"), this, [this] { reopen(); });
  enableReopen();
}

int OpenTabs::appendTab(const QString& icon, const QString& text) {
  const int index = addTab(Theme::instance().icon(icon), text);
  auto* close = new QToolButton;
  close->setText(QStringLiteral("×"));
  close->setFixedSize(20, 20);
  close->setFocusPolicy(Qt::NoFocus);
  close->setToolTip(icon == QLatin1String("design") ? tr("Close this tab. Changes that are in no file are kept: “Reopen closed design” brings them back")
                                                    : tr("Close this tab; the run is kept"));
  close->setAccessibleName(tr("Close tab"));
  connect(close, &QToolButton::clicked, this, [this, close] {
    for (int i = 0; i < count(); ++i)
      if (tabButton(i, RightSide) == close) return closeTab(i);
  });
  setTabButton(index, RightSide, close);
  return index;
}

void OpenTabs::changedSoon() { later_.start(); }

void OpenTabs::label(int index) {
  const Tab& tab = tabs_[static_cast<std::size_t>(index)];
  QString text, tip;
  if (tab.run) {
    text = QFileInfo(tab.folder).fileName();
    tip = tr("Run %1").arg(tab.folder);
  } else {
    const bool shown = index == design_;
    const DesignDocument& document = *workspace_.design;
    const DesignDocument::Draft draft = shown ? document.draft() : tab.draft;
    text = shown ? document.title() : tab.name;
    if (isDirty(draft)) text += QStringLiteral(" •");
    tip = tr("Design %1").arg(!draft.file.isEmpty() ? draft.file : !draft.preset.isEmpty() ? draft.preset : text);
    if (isDirty(draft)) tip += tr(", with changes that are not in a file yet");
  }
  if (tabText(index) != text) setTabText(index, text);
  setTabToolTip(index, tip);
}

void OpenTabs::park() {
  opening_ = true;
  if (design_ < 0 || switching_) return;
  tabs_[static_cast<std::size_t>(design_)].draft = workspace_.design->draft();
  tabs_[static_cast<std::size_t>(design_)].name = workspace_.design->title();
}

void OpenTabs::makeRoom() {
  if (count() < kMostTabs) return;
  // The oldest tab that nothing is lost with; there may be none, and then there are more tabs.
  for (int i = 0; i < count(); ++i) {
    const Tab& tab = tabs_[static_cast<std::size_t>(i)];
    if (i != design_ && i != run_ && (tab.run || !isDirty(tab.draft))) return closeTab(i);
  }
}

void OpenTabs::adoptDesign() {
  opening_ = false;
  if (switching_) return;
  const DesignDocument::Draft now = workspace_.design->draft();
  int at = -1;
  for (std::size_t i = 0; i < tabs_.size() && at < 0; ++i)
    if (!tabs_[i].run && sameDesign(tabs_[i].draft, now)) at = static_cast<int>(i);
  // A design that was only looked at, unchanged, gives its tab to the next: leafing through presets leaves no trail.
  if (at < 0 && design_ >= 0) {
    const auto& old = tabs_[static_cast<std::size_t>(design_)].draft;
    if (!isDirty(old) && old.file.isEmpty()) at = design_;
  }
  if (at < 0) {
    makeRoom();
    at = static_cast<int>(tabs_.size());
    tabs_.push_back({});
    switching_ = true;
    appendTab(QStringLiteral("design"), QString());
    switching_ = false;
  }
  const int old = design_;
  design_ = at;
  tabs_[static_cast<std::size_t>(at)].draft = now;
  if (old >= 0 && old != at) label(old);
  label(at);
  setCurrentIndex(at);
  setVisible(count() > 1);
  changedSoon();
}

void OpenTabs::adoptRun() {
  if (switching_) return;
  const QString folder = QString::fromStdString(workspace_.session->runFolder().string());
  if (folder.isEmpty()) return;
  int at = -1;
  for (std::size_t i = 0; i < tabs_.size() && at < 0; ++i)
    if (tabs_[i].run && tabs_[i].folder == folder) at = static_cast<int>(i);
  if (at < 0) {
    makeRoom();
    at = static_cast<int>(tabs_.size());
    Tab tab;
    tab.run = true;
    tab.folder = folder;
    tabs_.push_back(std::move(tab));
    appendTab(QStringLiteral("train"), QString());
  }
  run_ = at;
  label(at);
  setCurrentIndex(at);
  setVisible(count() > 1);
  changedSoon();
}

void OpenTabs::showDesignTab() {
  if (design_ >= 0) setCurrentIndex(design_);
}

void OpenTabs::showRunTab() {
  if (run_ >= 0) setCurrentIndex(run_);
}

void OpenTabs::activate(int index) {
  if (index < 0 || index >= static_cast<int>(tabs_.size())) return;
  const Tab tab = tabs_[static_cast<std::size_t>(index)];
  if (tab.run) {
    QString why;
    if (index == run_) workspace_.actions->trigger(QStringLiteral("page.train"));
    else if (!files_.open(tab.folder, &why)) workspace_.notices->error(why);
    if (run_ >= 0) setCurrentIndex(run_);          // a training run keeps its place until the person decides
    return;
  }
  if (index != design_) {
    const int old = design_;
    park();
    switching_ = true;
    design_ = index;
    workspace_.design->show(tab.draft);
    switching_ = false;
    if (old >= 0) label(old);
    label(index);
  }
  setCurrentIndex(index);
  workspace_.actions->trigger(QStringLiteral("page.design"));
}

void OpenTabs::closeTab(int index) {
  if (index < 0 || index >= count() || count() < 2) return;
  const Tab tab = index == design_ ? Tab{false, workspace_.design->draft(), {}, {}} : tabs_[static_cast<std::size_t>(index)];
  if (tab.run && index == run_) {
    if (workspace_.session->isActive()) {
      workspace_.notices->info(tr("%1 is training. Stop it first; the run is kept.").arg(tabText(index)));
      return;
    }
  }
  if (!tab.run && index == design_) {
    // Another design takes its place; there is always one.
    int other = -1;
    for (std::size_t i = 0; i < tabs_.size(); ++i)
      if (!tabs_[i].run && static_cast<int>(i) != index) other = static_cast<int>(i);
    if (other < 0) return;
    activate(other);
  }
  const QString name = tabText(index);
  tabs_.erase(tabs_.begin() + index);
  if (design_ > index) --design_;
  if (run_ > index) --run_;
  else if (run_ == index) run_ = -1;
  switching_ = true;
  removeTab(index);
  switching_ = false;
  setVisible(count() > 1);
  changedSoon();
  if (tab.run || !isDirty(tab.draft)) return;
  closed_.push_back(tab.draft);
  if (closed_.size() > kMostClosed) closed_.erase(closed_.begin());
  enableReopen();
  workspace_.notices->post(NoticeLevel::Info, tr("%1 was closed with changes that are in no file.").arg(name), tr("Reopen"),
                           [this, draft = tab.draft] { reopenDraft(draft); });
}

void OpenTabs::enableReopen() const { reopen_->setEnabled(!closed_.empty()); }

void OpenTabs::reopen() {
  if (!closed_.empty()) reopenDraft(closed_.back());
}

void OpenTabs::reopenDraft(DesignDocument::Draft draft) {
  std::erase_if(closed_, [&](const DesignDocument::Draft& other) { return sameDesign(other, draft) && other.text == draft.text; });
  enableReopen();
  park();
  opening_ = false;
  // Beside a tab of the same design with other changes it has to be a design of its own, or it would take that tab.
  const auto other = std::find_if(tabs_.begin(), tabs_.end(), [&](const Tab& tab) { return !tab.run && sameDesign(tab.draft, draft); });
  if (other != tabs_.end() && isDirty(other->draft) && other->draft.text != draft.text) draft.file.clear(), draft.preset.clear();
  workspace_.design->show(draft);
  workspace_.actions->trigger(QStringLiteral("page.design"));
}

QByteArray OpenTabs::toJson() const {
  QJsonArray out;
  for (std::size_t i = 0; i < tabs_.size(); ++i) {
    const Tab& tab = tabs_[i];
    if (tab.run) {
      out.append(QJsonObject{{"run", tab.folder}, {"shown", static_cast<int>(i) == run_}});
      continue;
    }
    const bool shown = static_cast<int>(i) == design_;
    const DesignDocument::Draft draft = shown ? workspace_.design->draft() : tab.draft;
    QJsonObject o{{"file", draft.file}, {"preset", draft.preset}, {"title", draft.title}, {"shown", shown}};
    // Texts are kept only where the file or preset does not say the same.
    if (isDirty(draft) || (draft.file.isEmpty() && draft.preset.isEmpty())) {
      o["text"] = draft.text;
      o["saved"] = draft.saved;
    }
    out.append(o);
  }
  for (const DesignDocument::Draft& draft : closed_)
    out.append(QJsonObject{{"closed", true}, {"file", draft.file}, {"preset", draft.preset}, {"title", draft.title}, {"text", draft.text}, {"saved", draft.saved}});
  return QJsonDocument(out).toJson(QJsonDocument::Compact);
}

bool OpenTabs::restoreFrom(const QByteArray& json) {
  const QJsonArray list = QJsonDocument::fromJson(json).array();
  QString lastRun;
  DesignDocument::Draft last;
  bool any = false;
  for (const QJsonValue& value : list) {
    const QJsonObject o = value.toObject();
    if (o.contains("run")) {
      const QString folder = o["run"].toString();
      if (!QFileInfo::exists(folder + QStringLiteral("/meta.json"))) continue;
      Tab tab;
      tab.run = true;
      tab.folder = folder;
      tabs_.push_back(std::move(tab));
      appendTab(QStringLiteral("train"), QFileInfo(folder).fileName());
      setTabToolTip(count() - 1, tr("Run %1").arg(folder));
      if (o["shown"].toBool()) lastRun = folder;
      continue;
    }
    DesignDocument::Draft draft{o["text"].toString(), o["saved"].toString(), o["file"].toString(), o["preset"].toString(), o["title"].toString()};
    if (o["closed"].toBool()) {
      closed_.push_back(draft);
      continue;
    }
    const bool kept = o.contains("text");
    if (!kept && !workspace_.design->open(draft.file.isEmpty() ? draft.preset : draft.file)) continue;  // the file is gone
    if (kept) workspace_.design->show(draft);
    any = true;
    if (o["shown"].toBool()) last = workspace_.design->draft();
  }
  if (any && !last.text.isEmpty() && !sameDesign(last, workspace_.design->draft())) {
    for (std::size_t i = 0; i < tabs_.size(); ++i)
      if (!tabs_[i].run && static_cast<int>(i) != design_ && sameDesign(tabs_[i].draft, last)) {
        park();
        switching_ = true;
        design_ = static_cast<int>(i);
        workspace_.design->show(tabs_[i].draft);
        switching_ = false;
        label(design_);
      }
  }
  enableReopen();
  if (!lastRun.isEmpty()) workspace_.session->show(lastRun.toStdString());
  setVisible(count() > 1);
  return any;
}

}  // namespace serp::app
