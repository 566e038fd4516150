// SPDX-License-Identifier: GPL-3.0-or-later
// The grammars of babel's tongues. Words of one list never begin a text that another list or rule could also mean.
#include "engine/data/babel.h"

namespace serp {
namespace {

/// Plain sentences; one form takes up a noun again.
constexpr const char* kProse = R"(start = 4~<clause>.\n | 3~<clause> while <clause>.\n | 2~when <clause>, <clause>.\n | 3~<np> <vt> a <adj> <noun> and the <4> <vi> <pp>.\n
clause = 2~<np> <vi> | 3~<np> <vi> <pp> | 4~<np> <vt> <np>
np = 5~the <noun> | 3~the <adj> <noun> | 2~a <adj> <noun>
pp = <where> the <place>
where = 3~by | 2~near | 2~under | behind
noun = 6~miller | 5~heron | 4~fox | 4~child | 3~weaver | 3~hound | 2~ferryman | 2~smith | widow | crow
adj = 5~tall | 4~grey | 3~quiet | 3~young | 2~brown | 2~small | weary | merry
place = 5~mill | 4~river | 3~bridge | 2~gate | 2~orchard | hill
vi = 4~sleeps | 3~waits | 3~sings | 2~rests | 2~turns | laughs
vt = 5~sees | 4~follows | 3~hears | 2~greets | 2~finds | carries
)";

/// Calls, brackets of three kinds and indices, nested as deep as chance has it.
constexpr const char* kCode = R"(start = <call>{<stmts>};\n
stmts = <stmt> | <stmt>;<stmts>
stmt = 5~<expr> | 2~{<stmts>} | 2~[<args>]
args = 3~<expr> | 2~<expr>,<expr>
call = <name>(<args>)
expr = 7~<var> | 2~<digit> | 4~<call> | 2~<var>[<expr>]
name = 5~push | 4~fold | 3~sort | 2~merge | 2~split | zip
var = 8~x | 4~y | 2~n | k
digit = 3~0 | 2~1 | 7
)";

/// Couplets: the second line ends in a word that rhymes with the end of the first.
constexpr const char* kVerse = R"(start = <low> | <bright> | <away> | <cold> | <deep> | <near>
low = <image> are <low1>,\n<answer> <low2>.\n
bright = <image> are <bright1>,\n<answer> <bright2>.\n
away = <image> are <away1>,\n<answer> <away2>.\n
cold = <image> are <cold1>,\n<answer> <cold2>.\n
deep = <image> are <deep1>,\n<answer> <deep2>.\n
near = <image> are <near1>,\n<answer> <near2>.\n
image = <whose> <things>
whose = 4~the | 3~my | 2~our | all
things = 5~reeds | 4~stars | 3~songs | 3~lanes | 2~sails | 2~fields | lamps | swallows
answer = <and> <water> <goes>
and = 5~and still the | 3~and there the | 2~yet no | so every
water = 4~water | 3~wind | 3~evening | 2~boat | 2~moon | road
goes = 3~flows | 3~lies | 2~comes | 2~turns | goes
low1 = 3~low | 2~slow | few below
low2 = 3~aglow | 2~below | to and fro
bright1 = 3~bright | 2~white | out of sight
bright2 = 3~tonight | 2~in the light | alight
away1 = 3~gay | 2~grey | here to stay
away2 = 3~away | 2~astray | all the day
cold1 = 3~old | 2~cold | bought and sold
cold2 = 3~untold | 2~in gold | uncontrolled
deep1 = 3~steep | 2~deep | half asleep
deep2 = 3~to sleep | 2~to weep | its hold to keep
near1 = 3~clear | 2~near | dim and drear
near2 = 3~here | 2~with fear | this time of year
)";

/// Three holdings, two questions about them whose answers are copies.
constexpr const char* kRoster = R"(start = <list> | <list2> | <list3> | <list4> | <list5> | <list6>
list = <ann> has <h>, <bob> has <h>, <cy> has <h>. <1>? <2>. <3>? <4>.\n
list2 = <ann> has <h>, <bob> has <h>, <cy> has <h>. <1>? <2>. <5>? <6>.\n
list3 = <ann> has <h>, <bob> has <h>, <cy> has <h>. <3>? <4>. <1>? <2>.\n
list4 = <ann> has <h>, <bob> has <h>, <cy> has <h>. <3>? <4>. <5>? <6>.\n
list5 = <ann> has <h>, <bob> has <h>, <cy> has <h>. <5>? <6>. <1>? <2>.\n
list6 = <ann> has <h>, <bob> has <h>, <cy> has <h>. <5>? <6>. <3>? <4>.\n
ann = 3~Ann | 2~Abel | Alma
bob = 3~Bob | 2~Bess | Bruno
cy = 3~Cy | 2~Clara | Carl
h = <n> <ware>
n = 4~2 | 3~3 | 2~5 | 8
ware = 4~figs | 3~nails | 2~ropes | 2~loaves | bells
)";

/// Sums, differences and products that are right.
std::string sums() {
  std::string add = "add =", sub = "sub =", mul = "mul =";
  const auto entry = [](std::string& rule, int a, const char* op, int b, int result) {
    rule += (rule.back() == '=' ? " " : " | ") + std::to_string(a) + op + std::to_string(b) + "=" + std::to_string(result) + ";";
  };
  for (int a = 10; a <= 49; ++a)
    for (int b = 1; b <= 9; ++b) {
      entry(add, a, "+", b, a + b);
      entry(sub, a, "-", b, a - b);
    }
  for (int a = 2; a <= 9; ++a)
    for (int b = 2; b <= 9; ++b) entry(mul, a, "*", b, a * b);
  return "start = <sum><sum><sum><rest>\nrest = 1~\\n | 3~<sum><rest>\nsum = 2~<add> | <sub> | <mul>\n" + add + "\n" + sub + "\n" + mul + "\n";
}

/// A stock that goes up and down and is never below 0 or above 40; every line states it. One rule a state.
std::string ledger() {
  constexpr int kMost = 40;
  const auto state = [](const char* name, int stock) { return name + std::to_string(stock); };
  std::string rules = "start =", rest;
  for (int stock = 0; stock <= kMost; ++stock) {
    if (stock % 5 == 0) rules += (stock == 0 ? " stock " : " | stock ") + std::to_string(stock) + "<" + state("move", stock) + ">";
    std::string moves = state("move", stock) + " =";
    for (int step = 1; step <= 9; ++step)
      for (const int sign : {1, -1}) {
        const int now = stock + sign * step;
        if (now < 0 || now > kMost) continue;
        moves += (moves.back() == '=' ? " " : " | ") + std::string(sign > 0 ? ", in " : ", out ") + std::to_string(step) + " makes " +
                 std::to_string(now) + "<" + state("go", now) + ">";
      }
    rest += state("go", stock) + " = 1~.\\n | 3~<" + state("move", stock) + ">\n" + moves + "\n";
  }
  return rules + "\n" + rest;
}

}  // namespace

const std::vector<Tongue>& babelTongues() {
  static const std::vector<Tongue> tongues = [] {
    std::vector<Tongue> list;
    list.push_back({"prose", Grammar(kProse)});
    list.push_back({"sums", Grammar(sums())});
    list.push_back({"code", Grammar(kCode)});
    list.push_back({"verse", Grammar(kVerse)});
    list.push_back({"ledger", Grammar(ledger())});
    list.push_back({"roster", Grammar(kRoster)});
    return list;
  }();
  return tongues;
}

}  // namespace serp
