/* completion.c: what the last word of a line could become. */
#include "cli/completion.h"

#include "cli/console.h"

static const char bash_script[] =
    "# bash completion for migrate: source <(migrate completion bash)\n"
    "_migrate() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words last cut=\"\" separator candidate\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=(\"\")\n"
    "    last=${words[-1]}\n"
    "    # readline replaces only what stands behind the last of its word breaks\n"
    "    for separator in = : @; do\n"
    "        if [[ $COMP_WORDBREAKS == *\"$separator\"* && ${last#\"$cut\"} == *\"$separator\"* ]]; then\n"
    "            cut=${last%\"${last##*\"$separator\"}\"}\n"
    "        fi\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r candidate _; do\n"
    "        case $candidate in\n"
    "        :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"${last#\"$cut\"}\") ;;\n"
    "        :folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"${last#\"$cut\"}\") ;;\n"
    "        *) COMPREPLY+=(\"${candidate#\"$cut\"}\") ;;\n"
    "        esac\n"
    "    done < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -o nosort -F _migrate migrate\n";

static const char zsh_script[] =
    "#compdef migrate\n"
    "# zsh completion for migrate: source <(migrate completion zsh), or a file _migrate in a folder of $fpath\n"
    "_migrate() {\n"
    "    local -a candidates\n"
    "    local candidate meaning\n"
    "    while IFS=$'\\t' read -r candidate meaning; do\n"
    "        case $candidate in\n"
    "        :files) compset -P '*='; _files; return ;;\n"
    "        :folders) compset -P '*='; _files -/; return ;;\n"
    "        *) candidates+=(\"${candidate//:/\\\\:}${meaning:+:$meaning}\") ;;\n"
    "        esac\n"
    "    done < <(\"${(Q)words[1]}\" __complete \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    _describe -V migrate candidates\n"
    "}\n"
    "if [[ $funcstack[1] == _migrate ]]; then _migrate \"$@\"; else compdef _migrate migrate; fi\n";

static const char fish_script[] =
    "# fish completion for migrate: migrate completion fish > ~/.config/fish/completions/migrate.fish\n"
    "function __migrate_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l last (commandline -ct)\n"
    "    for line in ($words[1] __complete $words[2..-1] \"$last\" 2>/dev/null)\n"
    "        switch $line\n"
    "            case ':files'\n"
    "                __fish_complete_path \"$last\"\n"
    "            case ':folders'\n"
    "                __fish_complete_directories \"$last\"\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c migrate -f -k -a '(__migrate_complete)'\n";

const char *completion_script(const char *shell)
{
    return strcmp(shell, "bash") == 0 ? bash_script : strcmp(shell, "zsh") == 0 ? zsh_script : fish_script;
}

/* Adds it if it begins with what was typed. */
static void add(struct completion *completion, struct arena *arena, const char *text, const char *meaning)
{
    if (!text_starts(text_of(text), completion->typed))
        return;
    ARENA_PUSH(arena, completion,
               (struct candidate){.text = arena_printf(arena, "%s%s", completion->prefix, text), .meaning = meaning});
}

static void add_choices(struct completion *completion, struct arena *arena, const char *const *choices)
{
    for (; choices && *choices; choices++)
        add(completion, arena, *choices, "");
}

static void add_options(struct completion *completion, struct arena *arena, struct option_table table)
{
    for (size_t i = 0; i < table.count; i++)
        add(completion, arena, arena_printf(arena, "--%s", table.rows[i].name), table.rows[i].summary);
}

static void add_commands(struct completion *completion, struct arena *arena)
{
    for (size_t i = 0; i < VERBS; i++)
        if (commands[i].group != GROUP_HIDDEN)
            add(completion, arena, commands[i].name, commands[i].summary);
}

static void add_values(struct completion *completion, struct arena *arena, const struct option *option)
{
    completion->word = option->word;
    add_choices(completion, arena, option->choices);
}

/* "A:B" is completed one end at a time. */
static void behind_colon(struct completion *completion, struct arena *arena)
{
    const char *colon = strrchr(completion->typed, ':');
    if (!colon)
        return;
    size_t length = (size_t)(colon - completion->typed) + 1;
    completion->prefix = arena_printf(arena, "%s%s", completion->prefix, arena_copy(arena, completion->typed, length));
    completion->typed = colon + 1;
}

void completion_add_revisions(struct completion *completion, struct arena *arena, const struct migrate_listing *listing)
{
    behind_colon(completion, arena);
    add(completion, arena, "head", "the head");
    add(completion, arena, "heads", "all heads");
    add(completion, arena, "base", "before the first revision");
    add(completion, arena, "current", "where the database is");
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        add(completion, arena, revision->revision, visible(revision->message, arena));
        for (size_t label = 0; label < revision->branch_label_count; label++)
            add(completion, arena, arena_printf(arena, "%s@head", revision->branch_labels[label]),
                "head of the branch");
    }
}

/* The option whose value the next word is: "--head" or "-r", without '='. NULL: none. */
static const struct option *waiting_for_value(const struct option_reader *reader, const char *word)
{
    if (!option_like(word) || strchr(word, '='))
        return NULL;
    const struct option *option =
        word[1] == '-' ? option_named(reader, text_of(word + 2)) : option_lettered(reader, word[strlen(word) - 1]);
    return option && !option_is_flag(option) && !option->implied ? option : NULL;
}

static void complete_argument(struct completion *completion, struct arena *arena)
{
    const struct command *command = completion->line.command;
    if (command->at_most <= completion->line.arguments.count)
        return;
    completion->word = command->word;
    add_choices(completion, arena, command->choices);
    if (command->word == WORD_COMMAND)
        add_commands(completion, arena);
}

/* Reads what stands before the last word. Its errors are no matter: the line is not finished. */
static void read_words(struct names words, struct arena *arena, struct command_line *line)
{
    char **argv = ARENA_ARRAY(arena, words.count + 1, char *);
    argv[0] = "migrate";
    for (size_t i = 0; i + 1 < words.count; i++)
        argv[i + 1] = arena_string(arena, words.items[i]);
    struct error ignored;
    if (!command_line_read((int)words.count, argv, arena, line, &ignored))
        return;
}

void complete(struct names words, struct arena *arena, struct completion *completion)
{
    *completion = (struct completion){.prefix = "", .typed = words.count ? words.items[words.count - 1] : ""};
    read_words(words, arena, &completion->line);
    const struct command *command = completion->line.command;
    struct option_table tables[] = {command ? command->options : (struct option_table){NULL, 0}, global_options};
    struct option_reader reader = {.tables = tables, .table_count = 2};
    const struct option *option = words.count > 1 ? waiting_for_value(&reader, words.items[words.count - 2]) : NULL;
    const char *equals = strchr(completion->typed, '=');
    if (option) {
        add_values(completion, arena, option);
    } else if (text_starts(text_of(completion->typed), "--") && equals) {
        size_t length = (size_t)(equals - completion->typed) + 1;
        option = option_named(&reader, (struct text){.at = completion->typed + 2, .length = length - 3});
        completion->prefix = arena_copy(arena, completion->typed, length);
        completion->typed = equals + 1;
        if (option)
            add_values(completion, arena, option);
    } else if (completion->typed[0] == '-') {
        add_options(completion, arena, tables[0]);
        add_options(completion, arena, tables[1]);
    } else if (command) {
        complete_argument(completion, arena);
    } else {
        add_commands(completion, arena);
    }
}
