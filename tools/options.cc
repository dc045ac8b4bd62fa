#include "tools/options.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weft::tools {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr int kMaxConcurrency = 1'000'000'000;

// One bit for each command that takes flags.
enum : uint32_t {
  kForRun = 1,
  kForCheck = 2,
  kForGraph = 4,
  kForExplain = 8,
  kForCache = 16,
  kForFunctions = 32,
};

struct CommandSpec {
  std::string_view name;
  uint32_t bit;
  std::string_view usage;
  std::string_view help;
};

constexpr CommandSpec kCommands[] = {
    {"run", kForRun, "weft run GRAPH [flags]",
     "Runs the steps of GRAPH whose results are not in the store, and prints its results."},
    {"check", kForCheck, "weft check GRAPH [flags]", "Checks GRAPH without running anything."},
    {"graph", kForGraph, "weft graph GRAPH [--dot] [flags]",
     "Lists the steps of GRAPH, each after what it needs, or draws it for Graphviz."},
    {"explain", kForExplain, "weft explain [GRAPH] STEP [flags]",
     "Says why STEP ran, or did not, in the last run of GRAPH (default: the graph that ran last)."},
    {"cache", kForCache, "weft cache stats|clear [flags]",
     "Counts or removes what the store holds. Safe while other weft processes run."},
    {"functions", kForFunctions, "weft functions", "Lists the functions that steps may name."},
    {"help", 0, "weft help [COMMAND]", "Shows this text, or that of a command."},
};

struct FlagSpec {
  std::string_view name;
  // What the value is called; empty for a flag without one.
  std::string_view value;
  uint32_t commands;
  std::string_view help;
  absl::Status (*set)(const std::string& value, Options* options);
};

absl::Status Wrong(std::string_view expected, std::string_view example, const std::string& found) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", std::string(expected), ", found \"",
                                                 found, "\"; write e.g. ", std::string(example)));
}

absl::Status ParseCount(std::string_view flag, int low, int high, const std::string& text,
                        int* out) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < low || value > high) {
    return Wrong(absl::StrCat("a number from ", low, " to ", high),
                 absl::StrCat("--", std::string(flag), "=4"), text);
  }
  *out = value;
  return absl::OkStatus();
}

absl::Status SetParam(const std::string& text, Options* options) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return Wrong("NAME=VALUE", "--param root=src", text);
  }
  const std::string name = text.substr(0, equals);
  if (!options->params.emplace(name, text.substr(equals + 1)).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected each parameter once, found \"", name, "\" again; leave one out"));
  }
  return absl::OkStatus();
}

absl::Status SetOutput(const std::string& text, Options* options) {
  const std::size_t equals = text.find('=');
  const std::size_t dot = text.rfind('.', equals);
  if (equals == std::string::npos || equals + 1 == text.size() || dot == std::string::npos ||
      dot == 0 || dot + 1 >= equals) {
    return Wrong("STEP.NAME=FILE", "--output merge.totals=totals.txt", text);
  }
  options->outputs.push_back({text.substr(0, equals), text.substr(equals + 1)});
  return absl::OkStatus();
}

absl::Status SetOnError(const std::string& text, Options* options) {
  if (text == "fail-fast") {
    options->on_error = OnError::kFailFast;
  } else if (text == "continue") {
    options->on_error = OnError::kContinue;
  } else {
    return Wrong("fail-fast or continue", "--on-error=continue", text);
  }
  return absl::OkStatus();
}

absl::Status SetPath(std::string Options::* field, std::string_view flag, const std::string& text,
                     Options* options) {
  if (text.empty()) return Wrong("a path", absl::StrCat("--", std::string(flag), "=PATH"), text);
  options->*field = text;
  return absl::OkStatus();
}

constexpr uint32_t kUsesGraph = kForRun | kForCheck | kForGraph;
constexpr uint32_t kUsesStore = kForRun | kForExplain | kForCache;

constexpr FlagSpec kFlags[] = {
    {"param", "NAME=VALUE", kUsesGraph, "Sets a parameter of the graph; may be repeated.",
     SetParam},
    {"workers", "N", kForRun, "Threads that run steps (default: one for each processor).",
     [](const std::string& text, Options* options) {
       return ParseCount("workers", 1, kMaxWorkers, text, &options->workers);
     }},
    {"max-concurrency", "N", kForRun,
     "Steps that may be under way at once (default: no limit for steps that wait).",
     [](const std::string& text, Options* options) {
       return ParseCount("max-concurrency", 1, kMaxConcurrency, text, &options->max_concurrency);
     }},
    {"on-error", "fail-fast|continue", kForRun,
     "After a failed step: stop, or finish what does not depend on it (default: fail-fast).",
     SetOnError},
    {"output", "STEP.NAME=FILE", kForRun, "Writes an output to a file; may be repeated.",
     SetOutput},
    {"store", "DIR", kUsesStore,
     "Where results are kept (default: $XDG_CACHE_HOME/weft/store or ~/.cache/weft/store).",
     [](const std::string& text, Options* options) {
       return SetPath(&Options::store, "store", text, options);
     }},
    {"json", "", kForRun | kForExplain | kForCache,
     "Prints one JSON document instead (tools/README.md has its schema).",
     [](const std::string&, Options* options) {
       options->json = true;
       return absl::OkStatus();
     }},
    {"trace", "FILE", kForRun, "Writes a trace that ui.perfetto.dev and chrome://tracing open.",
     [](const std::string& text, Options* options) {
       return SetPath(&Options::trace, "trace", text, options);
     }},
    {"no-progress", "", kForRun, "Shows no progress line, also on a terminal.",
     [](const std::string&, Options* options) {
       options->progress = false;
       return absl::OkStatus();
     }},
    {"dot", "", kForGraph, "Writes the graph in the language of Graphviz.",
     [](const std::string&, Options* options) {
       options->dot = true;
       return absl::OkStatus();
     }},
};

const CommandSpec* FindCommand(std::string_view name) {
  for (const CommandSpec& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

const FlagSpec* FindFlag(std::string_view name) {
  for (const FlagSpec& flag : kFlags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

std::string DidYouMean(std::string_view prefix, std::string_view word,
                       const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(word, candidates);
  if (nearest.empty()) return "";
  return absl::StrCat("; did you mean ", std::string(prefix), nearest, "?");
}

absl::Status UnknownFlag(const CommandSpec& command, std::string_view dash, std::string_view name) {
  std::vector<std::string> candidates;
  for (const FlagSpec& flag : kFlags) {
    if (flag.commands & command.bit) candidates.emplace_back(flag.name);
  }
  std::string why = "unknown flag";
  if (const FlagSpec* flag = FindFlag(name); flag != nullptr) {
    why = "this command does not take the flag";
    candidates.clear();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "weft ", std::string(command.name), ": ", why, " ", std::string(dash), std::string(name),
      DidYouMean("--", name, candidates), " (weft help ", std::string(command.name), ")"));
}

// Takes the flag at args[*next], and its value, which may be the word after it.
absl::Status TakeFlag(const CommandSpec& command, const std::vector<std::string>& args,
                      std::size_t* next, Options* options) {
  const std::string& word = args[(*next)++];
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
  if (name == "help" || word == "-h") {
    options->command = Command::kHelp;
    options->help_topic = std::string(command.name);
    return absl::OkStatus();
  }
  const FlagSpec* const flag = FindFlag(name);
  if (flag == nullptr || !(flag->commands & command.bit)) return UnknownFlag(command, "--", name);
  const std::string where = absl::StrCat("weft ", std::string(command.name), ": --", name);
  std::string value;
  if (flag->value.empty()) {
    if (equals != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": expected no value, found \"",
                                                     word.substr(equals + 1), "\"; write --", name,
                                                     " alone"));
    }
  } else if (equals != std::string::npos) {
    value = word.substr(equals + 1);
  } else if (*next < args.size()) {
    value = args[(*next)++];
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": expected a value, found nothing; write --", name, "=", std::string(flag->value)));
  }
  const absl::Status status = flag->set(value, options);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", status.message()));
}

absl::Status Usage(const CommandSpec& command, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("weft ", std::string(command.name), ": ",
                                                 std::string(problem),
                                                 "; usage: ", std::string(command.usage)));
}

// Words that are no flags: the graph, the step, what to do with the cache.
absl::Status TakeWords(const CommandSpec& command, const std::vector<std::string>& words,
                       Options* options) {
  const std::size_t most = command.bit == kForExplain ? 2 : command.bit == kForFunctions ? 0 : 1;
  if (words.size() > most) {
    return Usage(command, absl::StrCat("unexpected word \"", words[most], "\""));
  }
  switch (command.bit) {
    case kForRun:
    case kForCheck:
    case kForGraph:
      if (words.empty()) return Usage(command, "expected the file of a graph, found nothing");
      options->graph = words[0];
      options->command = command.bit == kForRun     ? Command::kRun
                         : command.bit == kForCheck ? Command::kCheck
                                                    : Command::kGraph;
      return absl::OkStatus();
    case kForExplain:
      if (words.empty()) return Usage(command, "expected the id of a step, found nothing");
      options->command = Command::kExplain;
      options->step = words.back();
      if (words.size() == 2) options->graph = words[0];
      return absl::OkStatus();
    case kForCache:
      if (words.empty() || (words[0] != "stats" && words[0] != "clear")) {
        return Usage(command,
                     absl::StrCat("expected stats or clear, found ",
                                  words.empty() ? "nothing" : absl::StrCat("\"", words[0], "\"")));
      }
      options->command = words[0] == "stats" ? Command::kCacheStats : Command::kCacheClear;
      return absl::OkStatus();
    default:
      options->command = Command::kFunctions;
      return absl::OkStatus();
  }
}

absl::StatusOr<Options> ParseHelp(const std::vector<std::string>& args) {
  Options options;
  options.command = Command::kHelp;
  if (args.size() > 1) {
    if (FindCommand(args[1]) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("weft help: unknown command \"", args[1], "\" (weft help)"));
    }
    options.help_topic = args[1];
  }
  return options;
}

absl::Status UnknownCommand(const std::string& word) {
  std::vector<std::string> candidates;
  for (const CommandSpec& command : kCommands) candidates.emplace_back(command.name);
  std::string hint = DidYouMean("weft ", word, candidates);
  if (hint.empty() && word.find('.') != std::string::npos) {
    hint = absl::StrCat("; did you mean weft run ", word, "?");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("weft: unknown command \"", word, "\"", hint, " (weft help)"));
}

void AppendFlags(uint32_t bit, std::string* text) {
  for (const FlagSpec& flag : kFlags) {
    if (!(flag.commands & bit)) continue;
    std::string left = absl::StrCat("  --", std::string(flag.name));
    if (!flag.value.empty()) absl::StrAppend(&left, "=", std::string(flag.value));
    if (left.size() < 30) {
      left.resize(30, ' ');
    } else {
      left += "\n" + std::string(30, ' ');
    }
    absl::StrAppend(text, left, std::string(flag.help), "\n");
  }
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args) {
  Options options;
  if (args.empty()) {
    return absl::InvalidArgumentError("weft: expected a command, found nothing (weft help)");
  }
  if (args[0] == "help" || args[0] == "--help" || args[0] == "-h") return ParseHelp(args);
  if (args[0] == "--version" || args[0] == "version") {
    options.command = Command::kVersion;
    return options;
  }
  const CommandSpec* const command = FindCommand(args[0]);
  if (command == nullptr) return UnknownCommand(args[0]);
  std::vector<std::string> words;
  bool flags_ended = false;
  for (std::size_t next = 1; next < args.size();) {
    const std::string& word = args[next];
    if (!flags_ended && word == "--") {
      flags_ended = true;
      ++next;
    } else if (!flags_ended && (word == "-h" || (word.size() > 2 && word.starts_with("--")))) {
      const absl::Status status = TakeFlag(*command, args, &next, &options);
      if (!status.ok()) return status;
      if (!options.help_topic.empty()) return options;
    } else if (!flags_ended && word.size() > 1 && word[0] == '-') {
      return UnknownFlag(*command, "-", std::string_view(word).substr(1));
    } else {
      words.push_back(word);
      ++next;
    }
  }
  const absl::Status status = TakeWords(*command, words, &options);
  if (!status.ok()) return status;
  return options;
}

std::string HelpText(std::string_view topic) {
  std::string text;
  if (const CommandSpec* const command = FindCommand(topic); command != nullptr) {
    absl::StrAppend(&text, "usage: ", std::string(command->usage), "\n\n",
                    std::string(command->help), "\n");
    if (command->bit != 0) {
      absl::StrAppend(&text, "\n");
      AppendFlags(command->bit, &text);
    }
    return text;
  }
  text = "weft runs graphs of steps and keeps their results.\n\n";
  for (const CommandSpec& command : kCommands) {
    absl::StrAppend(&text, "  ", std::string(command.usage), "\n      ", std::string(command.help),
                    "\n");
  }
  absl::StrAppend(
      &text,
      "\nExit codes: 0 all steps succeeded, 1 a step failed, 2 a bad graph or flag, 130 "
      "interrupted.\nPaths count from where you stand; paths in a graph count from its "
      "file.\n`weft help COMMAND` lists the flags of a command.\n");
  return text;
}

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    // One row of the edit-distance table at a time; a swap of neighbours counts as two.
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t substituted = diagonal + (word[i] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    if (row.back() < best_distance) {
      best = candidate;
      best_distance = row.back();
    }
  }
  return best;
}

}  // namespace weft::tools
