// SPDX-License-Identifier: GPL-3.0-or-later
// The shell over a pretended session: pages and keys, every action once, tabs with drafts, the workspace of the last start, both themes.
#include <QDir>
#include <QFileInfo>
#include <QSet>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTimer>
#include <QtTest>

#include "app/main_window.h"
#include "app/pages/page.h"
#include "app/pages/train/first_minute.h"
#include "app/pages/train_page.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/preferences.h"
#include "app/session/run_commands.h"
#include "app/shell/command_line.h"
#include "app/session/notices.h"
#include "app/shell/open_first.h"
#include "app/shell/open_tabs.h"
#include "app/shell/screenshot.h"
#include "app/style/theme.h"
#include "app/widgets/plot_view.h"
#include "tests/app/support/fake_session.h"
#include "tests/app/support/made_runs.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

class TestMainWindow : public QObject {
  Q_OBJECT
  struct Shell {
    explicit Shell(const QString& folder, SessionController::Opener opener = fakeOpener()) : preferences(folder + "/preferences.ini") {
      preferences.overrideRunsFolder(folder + "/runs");
      window = std::make_unique<MainWindow>(std::move(opener), preferences);
      window->resize(1280, 800);
    }
    DesignDocument& design() { return *window->workspace().design; }
    Preferences preferences;
    std::unique_ptr<MainWindow> window;
  };
  static QString writeDesign(const QTemporaryDir& folder) {
    QFile file(folder.filePath("mine.yaml"));
    if (!file.open(QIODevice::WriteOnly)) return {};
    file.write(smallSpec().text.c_str());
    return file.fileName();
  }
  /// Exit code of the program as --screenshot ends it; 99: it never did.
  static int pictureOf(Shell& s, const CommandLine& line) {
    s.window->show();
    Screenshot screenshot(s.window->workspace(), s.window.get(), line.screenshot, line.afterSteps);
    QTimer::singleShot(20000, &screenshot, [] { QCoreApplication::exit(99); });
    return QCoreApplication::exec();
  }

 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void everyActionOnce() {
    QTemporaryDir folder;
    Shell s(folder.path());
    QSet<QString> ids, keys;
    for (const QAction* action : s.window->workspace().actions->all()) {
      QVERIFY2(!ids.contains(action->objectName()), qPrintable(action->objectName()));
      ids.insert(action->objectName());
      QVERIFY2(!action->text().isEmpty(), qPrintable(action->objectName()));
      const QString key = action->shortcut().toString();
      QVERIFY2(key.isEmpty() || !keys.contains(key), qPrintable(key));
      if (!key.isEmpty()) keys.insert(key);
    }
    for (const char* id : {"page.design", "page.train", "page.routing", "page.compare", "page.learn", "page.settings", "palette.open", "train.toggle",
                           "train.step", "train.stop", "train.discard", "train.save", "train.branch", "train.design", "file.open"})
      QVERIFY2(ids.contains(QString::fromLatin1(id)), id);
  }

  void keysChangePages() {
    QTemporaryDir folder;
    Shell s(folder.path());
    s.window->show();
    QVERIFY(QTest::qWaitForWindowActive(s.window.get()));
    const char* names[] = {"Design", "Train", "Routing", "Compare", "Learn"};
    for (int i = 0; i < 5; ++i) {
      QTest::keyClick(s.window.get(), static_cast<Qt::Key>(Qt::Key_1 + i), Qt::ControlModifier);
      QCOMPARE(s.window->currentPage()->name(), QString::fromLatin1(names[i]));
    }
    for (const ThemeKind kind : {ThemeKind::Light, ThemeKind::Dark}) {
      Theme::instance().setKind(kind);
      for (const char* page : {"design", "train", "routing", "compare", "learn", "settings"}) {
        QVERIFY(s.window->showPage(QString::fromLatin1(page)));
        QCOMPARE(s.window->grab().size(), s.window->size());
      }
    }
  }

  void firstMinuteGoesLive() {
    QTemporaryDir folder;
    Shell s(folder.path());
    s.design().setDesign(QString::fromStdString(smallSpec().text), "small");
    s.window->show();
    QVERIFY(QTest::qWaitForWindowActive(s.window.get()));
    TrainPage* page = s.window->trainPage();
    QVERIFY(page->showsFirstMinute());
    FirstMinute* first = page->firstMinute();
    if (first->hasRecording() || QTest::qWaitFor([first] { return first->hasRecording(); }, 3000))
      QTRY_VERIFY(first->loss()->data(0).size() > 50);    // the recorded curve
    const auto recorded = first->loss()->data(0).size();
    page->setFocus();
    QTest::keyClick(page, Qt::Key_Space);
    QTRY_VERIFY(first->isLive());
    QVERIFY(page->showsFirstMinute());                     // it is watched where it was begun
    QCOMPARE(first->loss()->data(1).size(), recorded);     // and what was there stays behind it
    QTRY_VERIFY(first->loss()->data(0).size() > 5);
    page->showInstruments();
    QVERIFY(!page->showsFirstMinute());
    s.window->workspace().session->post(Stop{true});
    QTRY_VERIFY(!s.window->workspace().session->isActive());
  }

  void experimentsChangeOneThing() {
    QTemporaryDir folder;
    Shell s(folder.path());
    s.design().setDesign(QString::fromStdString(smallSpec().text), "small");
    s.window->show();
    s.window->showPage(QStringLiteral("train"));
    for (const auto& [id, name, kinds] : {std::tuple{"train.experiment.1", "small_unbalanced", "mamba switch_moe"},
                                          std::tuple{"train.experiment.2", "small_top2", "mamba topk_moe"},
                                          std::tuple{"train.experiment.3", "small_attention", "attention switch_moe"}}) {
      s.window->workspace().actions->trigger(QString::fromLatin1(id));
      const RunSpec& spec = s.window->workspace().session->spec();
      QCOMPARE(spec.name, std::string(name));
      const auto& inside = spec.blocks.at(0).children;
      QCOMPARE(inside.at(0).kind + " " + inside.at(1).kind, std::string(kinds));
      QCOMPARE(inside.at(1).params.integer("experts"), 8);
    }
    QCOMPARE(s.design().title(), QStringLiteral("small"));  // the open design is untouched
    QCOMPARE(s.window->tabs().count(), 4);                 // one design, three runs
  }

  void tabsKeepDrafts() {
    QTemporaryDir folder;
    const QString changed = QString::fromStdString(smallSpec(123).text);
    {
      Shell s(folder.path());
      s.window->show();
      OpenTabs& tabs = s.window->tabs();
      QVERIFY(s.design().open(QStringLiteral("start/moe_mamba")));
      QVERIFY(!tabs.isVisible());
      QVERIFY(s.design().open(QStringLiteral("start/mamba")));
      QCOMPARE(tabs.count(), 1);                           // leafing leaves no trail
      s.design().setText(changed);
      QVERIFY(tabs.tabText(0).endsWith(QStringLiteral(" •")));
      QVERIFY(s.design().open(QStringLiteral("start/transformer")));
      QCOMPARE(tabs.count(), 2);
      QVERIFY(tabs.isVisible());
      QVERIFY(s.design().text() != changed);
      Q_EMIT tabs.tabBarClicked(0);
      QCOMPARE(s.design().text(), changed);
      QVERIFY(s.design().isDirty());
      QCOMPARE(s.window->currentPage()->name(), QStringLiteral("Design"));
      Q_EMIT tabs.tabBarClicked(1);
      QCOMPARE(s.design().preset(), QStringLiteral("start/transformer"));
      s.window->showPage(QStringLiteral("learn"));
      s.window->close();
    }
    Shell next(folder.path());
    QVERIFY(next.window->restoreWorkspace());
    QCOMPARE(next.window->currentPage()->name(), QStringLiteral("Learn"));
    QCOMPARE(next.window->tabs().count(), 2);
    QCOMPARE(next.design().preset(), QStringLiteral("start/transformer"));
    Q_EMIT next.window->tabs().tabBarClicked(0);
    QCOMPARE(next.design().text(), changed);               // what was in no file is still there
    next.window->tabs().closeTab(0);
    QCOMPARE(next.window->tabs().count(), 1);
    QCOMPARE(next.design().preset(), QStringLiteral("start/transformer"));
    next.window->show();
    next.window->close();
    next.window.reset();
    Shell last(folder.path());
    QVERIFY(last.window->restoreWorkspace());
    QCOMPARE(last.window->tabs().count(), 1);
    last.window->workspace().actions->trigger(QStringLiteral("file.reopen"));
    QCOMPARE(last.design().text(), changed);               // closed in the start before, and still to be had
    QVERIFY(last.design().isDirty());
    QVERIFY(!last.window->workspace().actions->find(QStringLiteral("file.reopen"))->isEnabled());
  }

  void designsOutliveACrash() {
    QTemporaryDir folder, later;
    const QString changed = QString::fromStdString(smallSpec(123).text), file = folder.filePath(QStringLiteral("preferences.ini"));
    Shell s(folder.path());
    s.window->show();
    QVERIFY(s.design().open(QStringLiteral("start/mamba")));
    s.design().setText(changed);
    const auto written = [&] {
      QFile ini(file);
      return ini.open(QIODevice::ReadOnly) && ini.readAll().contains("last");
    };
    QTRY_VERIFY_WITH_TIMEOUT(written(), 10000);            // without anybody asking for it, and without a close
    QVERIFY(QFile::copy(file, later.filePath(QStringLiteral("preferences.ini"))));   // what a kill would leave behind
    Shell next(later.path());
    QStringList told;
    connect(next.window->workspace().notices, &Notices::posted, this, [&told](const Notice& notice) { told << notice.text; });
    QVERIFY(next.window->restoreWorkspace());
    QCOMPARE(next.design().text(), changed);
    QVERIFY(next.design().isDirty());
    QVERIFY(told.join(' ').contains(QStringLiteral("did not end in order")));
    s.window->close();
    Shell again(folder.path());                            // a start after a proper end says nothing
    told.clear();
    connect(again.window->workspace().notices, &Notices::posted, this, [&told](const Notice& notice) { told << notice.text; });
    QVERIFY(again.window->restoreWorkspace());
    QVERIFY(!told.join(' ').contains(QStringLiteral("did not end in order")));
  }

  void argumentsOpenOnTopOfTheWorkspace() {
    QTemporaryDir folder;
    const QString changed = QString::fromStdString(smallSpec(123).text), file = writeDesign(folder);
    {
      Shell s(folder.path());
      QVERIFY(s.design().open(QStringLiteral("start/mamba")));
      s.design().setText(changed);
      s.window->show();
      s.window->close();
    }
    const QString before = QDir::currentPath();
    QVERIFY(QDir::setCurrent(folder.path()));
    CommandLine line;
    line.paths = QStringList{QFileInfo(file).fileName()};
    {
      Shell next(folder.path());
      const Diagnostics faults = openFirst(*next.window, line);
      QDir::setCurrent(before);
      QVERIFY2(!faults.hasErrors(), faults.text().c_str());
      QCOMPARE(QFileInfo(next.design().file()).canonicalFilePath(), QFileInfo(file).canonicalFilePath());
      QVERIFY(QFileInfo(next.design().file()).isAbsolute());
      QCOMPARE(next.window->tabs().count(), 2);
      next.window->show();
      next.window->close();
    }
    Shell last(folder.path());
    QVERIFY(last.window->restoreWorkspace());
    QCOMPARE(last.window->tabs().count(), 2);
    Q_EMIT last.window->tabs().tabBarClicked(0);
    QCOMPARE(last.design().text(), changed);               // the draft outlived a start that was about something else
  }

  void pictureOfADesignTrainsIt() {
    QTemporaryDir folder;
    Shell s(folder.path());
    CommandLine line;
    line.paths = QStringList{writeDesign(folder)};
    line.screenshot = folder.filePath("a.png");
    line.afterSteps = 5;
    QVERIFY(!openFirst(*s.window, line).hasErrors());
    QVERIFY(s.window->workspace().session->isActive());
    QCOMPARE(pictureOf(s, line), 0);
    QVERIFY(QFileInfo::exists(line.screenshot));
    QVERIFY(s.window->workspace().session->series().steps().back().step >= 5);
  }

  void pictureOfAnEndedRunWaitsForItsCurveOnly() {
    QTemporaryDir folder;
    const std::filesystem::path run = std::filesystem::path(folder.path().toStdString()) / "run";
    MadeRun made;
    made.steps = 30;
    QVERIFY(makeRun(run, made));
    Shell s(folder.path());
    CommandLine line;
    line.paths = QStringList{QString::fromStdString(run.string())};
    line.screenshot = folder.filePath("a.png");
    line.afterSteps = 1000;                                // more than it has
    QVERIFY(!openFirst(*s.window, line).hasErrors());
    QCOMPARE(pictureOf(s, line), 0);
    QCOMPARE(s.window->workspace().session->series().steps().size(), 30u);
  }

  void refusedPictureSaysWhy() {
    QTemporaryDir folder;
    Shell s(folder.path(), [](const auto&...) -> Result<std::unique_ptr<Session>> { return fault(ExitCode::CannotWrite, "no space"); });
    CommandLine line;
    line.screenshot = folder.filePath("a.png");
    line.afterSteps = 5;
    const Diagnostics faults = openFirst(*s.window, line);
    QVERIFY(faults.hasErrors());
    QCOMPARE(faults.exit, ExitCode::CannotWrite);
  }
};

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
