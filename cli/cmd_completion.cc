#include "cli/shell.h"

namespace airlock::cli {
namespace {

// Every command as one line "path words...", so that a shell needs a lookup and no logic of ours.
void collect(const CLI::App& app, const std::string& path, const std::string& globals, std::string& lines) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) words += " " + sub->get_name();
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      if (path.empty() || name != "help-all") words += " --" + name;
  lines += "    '" + path + "') words='" + words.substr(words.empty() ? 0 : 1) + (path.empty() ? "" : globals) + "' ;;\n";
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), globals, lines);
}

std::string word_function(const CLI::App& app) {
  std::string globals, lines;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      if (option->get_group() == "Global") globals += " --" + name;
  collect(app, "", globals, lines);
  return "_airlock_words() {\n  local words=''\n  case \"$1\" in\n" + lines + "  esac\n  printf '%s' \"$words\"\n}\n";
}

std::string bash_script(const CLI::App& app) {
  return "# bash completion for airlock: source <(airlock completion bash)\n" + word_function(app) + R"sh(_airlock() {
  local cur="${COMP_WORDS[COMP_CWORD]}" path='' i w
  for ((i = 1; i < COMP_CWORD; i++)); do
    w="${COMP_WORDS[i]}"
    [[ "$w" == -* ]] && continue
    if [[ -n "$(_airlock_words "${path:+$path }$w")" ]]; then path="${path:+$path }$w"; fi
  done
  mapfile -t COMPREPLY < <(compgen -W "$(_airlock_words "$path")" -- "$cur")
  [[ ${#COMPREPLY[@]} -eq 0 ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _airlock airlock
)sh";
}

std::string zsh_script(const CLI::App& app) {
  return "#compdef airlock\n# zsh completion for airlock: source <(airlock completion zsh)\n" + word_function(app) + R"sh(_airlock() {
  local path='' w i
  for ((i = 2; i < CURRENT; i++)); do
    w="${words[i]}"
    [[ "$w" == -* ]] && continue
    if [[ -n "$(_airlock_words "${path:+$path }$w")" ]]; then path="${path:+$path }$w"; fi
  done
  compadd -- ${=$(_airlock_words "$path")}
  _files
}
compdef _airlock airlock
)sh";
}

void fish_lines(const CLI::App& app, const std::string& path, std::string& out) {
  const std::string seen = path.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + path.substr(path.rfind(' ') + 1);
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    out += "complete -c airlock -n '" + seen + "' -a " + sub->get_name() + "\n";
    fish_lines(*sub, path + " " + sub->get_name(), out);
  }
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      out += "complete -c airlock" + (path.empty() ? "" : " -n '" + seen + "'") + " -l " + name + "\n";
}

}  // namespace

void register_completion(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("completion", "print a completion script for your shell");
  group->require_subcommand(1);
  const auto add = [&](const char* name, std::string (*script)(const CLI::App&)) {
    add_command(*group, shell, name, std::string("completion for ") + name, [&app, script]() -> Result<int> {
      TRY(write_stdout(script(app)));
      return 0;
    });
  };
  add("bash", bash_script);
  add("zsh", zsh_script);
  add("fish", [](const CLI::App& root) {
    std::string out = "# fish completion for airlock: airlock completion fish | source\n";
    fish_lines(root, "", out);
    return out;
  });
}

}  // namespace airlock::cli
