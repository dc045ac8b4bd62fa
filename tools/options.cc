#include "tools/options.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weft::tools {
namespace {

// Why a value is refused; "" for one that was taken.
using Check = std::function<std::string(const std::string& text)>;

std::string Wrong(const std::string& expected, const std::string& found,
                  const std::string& example) {
  return absl::StrCat("expected ", expected, ", found \"", found, "\"; write e.g. ", example);
}

Check Count(int high, const std::string& example, int* out) {
  return [=](const std::string& text) {
    if (absl::SimpleAtoi(text, out) && *out >= 1 && *out <= high) return std::string();
    return Wrong(absl::StrCat("a number from 1 to ", high), text, example);
  };
}

Check Path(const std::string& example, std::string* out) {
  return [=](const std::string& text) {
    *out = text;
    return text.empty() ? Wrong("a path", text, example) : "";
  };
}

Check Param(Options* options) {
  return [=](const std::string& text) -> std::string {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Wrong("NAME=VALUE", text, "--param root=src");
    }
    const std::string name = text.substr(0, equals);
    if (options->params.emplace(name, text.substr(equals + 1)).second) return "";
    return absl::StrCat("expected each parameter once, found \"", name, "\" again; leave one out");
  };
}

Check Output(Options* options) {
  return [=](const std::string& text) -> std::string {
    const std::size_t equals = text.find('=');
    const std::size_t dot = text.rfind('.', equals);
    if (equals == std::string::npos || equals + 1 == text.size() || dot == std::string::npos ||
        dot == 0 || dot + 1 >= equals) {
      return Wrong("STEP.NAME=FILE", text, "--output merge.totals=totals.txt");
    }
    options->outputs.push_back({text.substr(0, equals), text.substr(equals + 1)});
    return "";
  };
}

Check ErrorMode(Options* options) {
  return [=](const std::string& text) -> std::string {
    options->on_error = text == "continue" ? OnError::kContinue : OnError::kFailFast;
    if (text == "continue" || text == "fail-fast") return "";
    return Wrong("fail-fast or continue", text, "--on-error=continue");
  };
}

Check CacheAction(Options* options) {
  return [=](const std::string& text) -> std::string {
    options->command = text == "clear" ? Command::kCacheClear : Command::kCacheStats;
    if (text == "clear" || text == "stats") return "";
    return absl::StrCat("expected stats or clear, found \"", text, "\"");
  };
}

// A command; its footer is its usage.
CLI::App* Add(CLI::App& app, const std::string& name, const std::string& words, Command command,
              const std::string& help, Options* options) {
  CLI::App* const added = app.add_subcommand(name, help);
  added->footer(absl::StrCat("weft ", name, words));
  added->preparse_callback([=](std::size_t) { options->command = command; });
  return added;
}

// A flag with a value; of several, the last counts.
CLI::Option* AddFlag(CLI::App* command, const std::string& name, const std::string& value,
                     const std::string& help, const Check& check) {
  return command->add_option(name)->type_name(value)->description(help)->check(check);
}

void AddRunFlags(CLI::App* run, Options* options) {
  AddFlag(run, "--workers", "N", "Threads that run steps (default: one for each processor).",
          Count(1024, "--workers=4", &options->workers));
  AddFlag(run, "--max-concurrency", "N",
          "Steps that may be under way at once (default: no limit for steps that wait).",
          Count(1'000'000'000, "--max-concurrency=4", &options->max_concurrency));
  AddFlag(run, "--on-error", "fail-fast|continue",
          "After a failed step: stop, or finish what does not depend on it (default: fail-fast).",
          ErrorMode(options));
  AddFlag(run, "--output", "STEP.NAME=FILE", "Writes an output to a file; may be repeated.",
          Output(options))
      ->take_all();
  AddFlag(run, "--trace", "FILE", "Writes a trace that ui.perfetto.dev and chrome://tracing open.",
          Path("--trace=FILE", &options->trace));
  run->add_flag_callback(
         "--no-progress", [=] { options->progress = false; },
         "Shows no progress line, also on a terminal.")
      ->disable_flag_override();
}

// Makes `app` fill `options`.
void Define(CLI::App& app, Options* options) {
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string());
  app.option_defaults()->take_last();
  CLI::App* const run =
      Add(app, "run", " GRAPH [flags]", Command::kRun,
          "Runs the steps of GRAPH whose results are not in the store, and prints its results.",
          options);
  CLI::App* const check = Add(app, "check", " GRAPH [flags]", Command::kCheck,
                              "Checks GRAPH without running anything.", options);
  CLI::App* const graph =
      Add(app, "graph", " GRAPH [--dot] [flags]", Command::kGraph,
          "Lists the steps of GRAPH, each after what it needs, or draws it for Graphviz.", options);
  CLI::App* const explain = Add(
      app, "explain", " [GRAPH] STEP [flags]", Command::kExplain,
      "Says why STEP ran, or did not, in the last run of GRAPH (default: the graph that ran last).",
      options);
  CLI::App* const cache =
      Add(app, "cache", " stats|clear [flags]", Command::kCacheStats,
          "Counts or removes what the store holds. Safe while other weft processes run.", options);
  Add(app, "functions", "", Command::kFunctions, "Lists the functions that steps may name.",
      options);
  CLI::App* const help = Add(app, "help", " [COMMAND]", Command::kHelp,
                             "Shows this text, or that of a command.", options);
  Add(app, "version", "", Command::kVersion, "Prints the version.", options);

  for (CLI::App* const command : {run, check, graph}) {
    command->add_option("GRAPH", options->graph, "the file of a graph")->required();
    AddFlag(command, "--param", "NAME=VALUE", "Sets a parameter of the graph; may be repeated.",
            Param(options))
        ->take_all();
  }
  AddRunFlags(run, options);
  graph->add_flag("--dot", options->dot, "Writes the graph in the language of Graphviz.")
      ->disable_flag_override();
  // CLI11 fills them in this order; ParseOptions turns two words round.
  explain->add_option("STEP", options->step, "the id of a step")->required();
  explain->add_option("GRAPH", options->graph);
  cache->add_option("ACTION")
      ->description("stats or clear")
      ->check(CacheAction(options))
      ->required();
  for (CLI::App* const command : {run, explain, cache}) {
    AddFlag(command, "--store", "DIR",
            "Where results are kept (default: $XDG_CACHE_HOME/weft/store or ~/.cache/weft/store).",
            Path("--store=PATH", &options->store));
    command
        ->add_flag("--json", options->json,
                   "Prints one JSON document instead (tools/README.md has its schema).")
        ->disable_flag_override();
  }
  help->add_option("COMMAND", options->help_topic)->check([&app](const std::string& text) {
    for (const CLI::App* command : app.get_subcommands({})) {
      if (command->get_name() == text) return std::string();
    }
    return absl::StrCat("unknown command \"", text, "\"");
  });
}

std::string DidYouMean(const std::string& prefix, const std::string& word,
                       const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean ", prefix, nearest, "?");
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> candidates;
  for (const CLI::App* command : app.get_subcommands({})) candidates.push_back(command->get_name());
  std::string hint = DidYouMean("weft ", word, candidates);
  if (hint.empty() && word.find('.') != std::string::npos) {
    hint = absl::StrCat("; did you mean weft run ", word, "?");
  }
  return absl::StrCat("weft: unknown command \"", word, "\"", hint, " (weft help)");
}

std::string UnknownFlag(const CLI::App& app, const CLI::App& command, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  for (const CLI::App* other : app.get_subcommands({})) {
    if (other->get_option_no_throw(flag) != nullptr) {
      return absl::StrCat("this command does not take the flag ", flag);
    }
  }
  std::vector<std::string> candidates;
  for (const CLI::Option* option : command.get_options()) candidates.push_back(option->get_name());
  return absl::StrCat("unknown flag ", flag, DidYouMean("", flag, candidates));
}

// What is wrong with the words of `command`, of which CLI11 says `error`.
std::string Problem(const CLI::App& app, const CLI::App& command,
                    const std::vector<std::string>& args, const CLI::ParseError& error) {
  const std::string usage = absl::StrCat("; usage: ", command.get_footer());
  std::vector<std::string> words = command.remaining();
  const auto is_flag = [](const std::string& word) { return word.size() > 1 && word[0] == '-'; };
  const auto mark = std::find(words.begin(), words.end(), "--");
  if (const auto flag = std::find_if(words.begin(), mark, is_flag); flag != mark) {
    return absl::StrCat(UnknownFlag(app, command, *flag), " (weft help ", command.get_name(), ")");
  }
  if (mark != words.end()) words.erase(mark);
  // After "--" where no more words were expected.
  for (const std::string& word : app.remaining()) words.push_back(word);
  if (!words.empty()) return absl::StrCat("unexpected word \"", words[0], "\"", usage);
  const std::string what = error.what();
  const std::string name = what.substr(0, what.find_first_of(": "));
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return absl::StrCat("expected ", command.get_option(name)->get_description(), ", found nothing",
                        usage);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) {
    return is_flag(name) ? what : absl::StrCat(what.substr(what.find(": ") + 2), usage);
  }
  if (is_flag(name)) {
    return absl::StrCat(name, ": expected a value, found nothing; write ", name, "=",
                        command.get_option(name)->get_type_name());
  }
  const std::string prefix = absl::StrCat("--", name, "=");
  const auto found = std::find_if(
      args.begin(), args.end(), [&](const std::string& word) { return word.starts_with(prefix); });
  return absl::StrCat("--", name, ": expected no value, found \"",
                      found == args.end() ? "" : found->substr(prefix.size()), "\"; write --", name,
                      " alone");
}

// Messages that say which word, what was expected and what to do, for which CLI11's own are too
// short.
std::string Message(const CLI::App& app, const std::vector<std::string>& args,
                    const CLI::ParseError& error) {
  if (args.empty()) return "weft: expected a command, found nothing (weft help)";
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  if (parsed.empty() || args[0] != parsed[0]->get_name()) return UnknownCommand(app, args[0]);
  const CLI::App& command = *parsed[0];
  return absl::StrCat("weft ", command.get_name(), ": ", Problem(app, command, args, error));
}

// The words in the order that CLI11 takes. It would take the word after "--flag=" as the value.
std::vector<std::string> Reversed(const std::vector<std::string>& args) {
  std::vector<std::string> words;
  for (const std::string& arg : args) {
    const bool is_empty =
        arg.starts_with("--") && arg.size() > 3 && arg.find('=') == arg.size() - 1;
    words.push_back(is_empty ? arg.substr(0, arg.size() - 1) : arg);
    if (is_empty) words.emplace_back();
  }
  std::reverse(words.begin(), words.end());
  return words;
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args) {
  Options options;
  CLI::App app;
  Define(app, &options);
  try {
    app.parse(Reversed(args));
  } catch (const CLI::CallForHelp&) {
    options.command = Command::kHelp;
    for (const CLI::App* command : app.get_subcommands()) options.help_topic = command->get_name();
  } catch (const CLI::CallForVersion&) {
    options.command = Command::kVersion;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(Message(app, args, error));
  }
  if (options.command == Command::kExplain && !options.graph.empty()) {
    std::swap(options.graph, options.step);
  }
  return options;
}

std::string HelpText(std::string_view topic) {
  Options options;
  CLI::App app;
  Define(app, &options);
  std::string text = "weft runs graphs of steps and keeps their results.\n\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == topic) {
      return absl::StrCat("usage: ", command->get_footer(), "\n\n", command->get_description(),
                          "\n", CLI::Formatter().make_groups(command, CLI::AppFormatMode::Sub));
    }
    absl::StrAppend(&text, "  ", command->get_footer(), "\n      ", command->get_description(),
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
