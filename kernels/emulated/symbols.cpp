// SPDX-License-Identifier: GPL-3.0-or-later
// Names for addresses of this program, from its own symbol table: kernels are static functions, which the dynamic
// linker does not know.
#include <cxxabi.h>
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "kernels/emulated/state.h"

extern "C" {
extern char __executable_start;  // of the linker
}

namespace serp::kernels::emulator {
namespace {

struct Function {
  std::size_t begin, end;  // from the start of the program
  std::string name;
};

std::vector<Function> readFunctions() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<Function> out;
  if (bytes.size() < sizeof(Elf64_Ehdr)) return out;
  const auto* head = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + head->e_shoff);
  std::size_t base = ~std::size_t{0};  // lowest address of the file's own numbering
  const auto* parts = reinterpret_cast<const Elf64_Phdr*>(bytes.data() + head->e_phoff);
  for (int i = 0; i < head->e_phnum; ++i)
    if (parts[i].p_type == PT_LOAD) base = std::min<std::size_t>(base, parts[i].p_vaddr);
  for (int i = 0; i < head->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
    const char* names = bytes.data() + sections[sections[i].sh_link].sh_offset;
    for (std::size_t k = 0; k < sections[i].sh_size / sizeof(Elf64_Sym); ++k)
      if (ELF64_ST_TYPE(symbols[k].st_info) == STT_FUNC && symbols[k].st_size > 0)
        out.push_back(
            {symbols[k].st_value - base, symbols[k].st_value - base + symbols[k].st_size, names + symbols[k].st_name});
  }
  return out;
}

/// Without arguments and enclosing namespaces: "forwardKernel<float>".
std::string shortName(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  const auto without = [&](const std::string& what) {
    for (std::size_t at; (at = name.find(what)) != std::string::npos;) name.erase(at, what.size());
  };
  without("(anonymous namespace)::");
  if (const std::size_t open = name.find('('); open != std::string::npos) name.erase(open);
  for (const char* space : {"serp::kernels::", "checked::", "emulated::", "void "}) without(space);
  return name;
}

}  // namespace

std::string functionAt(const void* code) {
  static const std::vector<Function> all = readFunctions();
  const std::size_t at = reinterpret_cast<std::size_t>(code) - reinterpret_cast<std::size_t>(&__executable_start);
  for (const Function& f : all)
    if (at >= f.begin && at < f.end) return shortName(f.name);
  return "?";
}

}  // namespace serp::kernels::emulator
