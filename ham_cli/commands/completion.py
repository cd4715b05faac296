"""``ham completion``: the script with which a shell completes what is typed after ``ham``."""

from __future__ import annotations

from typing import Annotated

import typer

from ham_cli.commands.completing import one_of
from ham_cli.commands.options import Run, command
from ham_cli.errors import WrongUsageError

EXAMPLES = (
    "ham completion bash > ~/.local/share/bash-completion/completions/ham",
    "ham completion zsh > ~/.zfunc/_ham",
    "ham completion fish > ~/.config/fish/completions/ham.fish",
)

_BASH = r"""
# Completion of `ham` in bash; written by: ham completion bash

_ham() {
    # Only $2 will be replaced, which in --split=r or dx=m is the end of the word: what stands before it is taken off again.
    local line=${COMP_LINE:0:COMP_POINT} now=$2 before option= quoted= files= found
    [[ $now == [=:] ]] && now=
    before=${line%"$now"} before=${before##*[[:space:]]}
    [[ $before == *[\"\'] ]] && quoted=yes before=${before%?}
    [[ $before$now == -*=* ]] && option=$before$now option=${option%%=*}=
    COMPREPLY=()
    # A proposal a line, its help after a tab; a first line that ends in <files> asks for files beside them.
    while IFS= read -r found; do
        [[ $found == *$'\t<files>' ]] && files=yes && continue
        found=$option${found%%$'\t'*} found=${found#"$before"}
        [[ $found == *= ]] && compopt -o nospace 2> /dev/null
        [[ ! $quoted$files && $found == *[!A-Za-z0-9_.,:=/@%+-]* ]] && printf -v found %q "$found"
        COMPREPLY+=("$found")
    done < <(_HAM_COMPLETE=$line "${1/#\~/$HOME}" 2> /dev/null)
    # Where there is no proposal at all, bash completes files by itself.
    if [[ $files ]] && ((${#COMPREPLY[@]})); then
        compopt -o filenames 2> /dev/null
        while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen -f -- "$now")
    fi
}

complete -o default -F _ham ham
"""

_ZSH = r"""
#compdef ham
# Completion of `ham` in zsh; written by: ham completion zsh

_ham() {
    local line="${(j: :)words[1,CURRENT-1]} $IPREFIX$QIPREFIX$PREFIX" found files
    local -a proposals suffix
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    # A proposal a line, its help after a tab; a line that ends in <files> asks for files beside them.
    for found in ${(f)"$(_HAM_COMPLETE=$line ${~${(Q)words[1]}} 2> /dev/null)"}; do
        [[ $found == *$'\t<files>' ]] && files=yes && continue
        [[ ${found%%$'\t'*} == *= ]] && suffix=(-S '')
        proposals+=(${${found//:/\\:}/$'\t'/:})
    done
    (( $#proposals )) && _describe ham proposals "${suffix[@]}" && [[ -z $files ]] && return
    _files
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _ham "$@"
else
    compdef _ham ham
fi
"""

_FISH = r"""
# Completion of `ham` in fish; written by: ham completion fish

function __ham_complete
    set -l word (commandline -ct)
    set -l option (string match -r -- '^-[^=]*=' $word)
    set -l program (string replace -r -- '^~/' $HOME/ (commandline -opc)[1])
    # A proposal a line, its help after a tab; a line that ends in <files> asks for files beside them.
    set -l proposals (_HAM_COMPLETE=(commandline -cp | string collect) $program 2> /dev/null)
    set -l files (string match -- '*'\t'<files>' $proposals)
    for found in $proposals
        contains -- $found $files; or echo -- "$option$found"
    end
    if set -q files[1]; or not set -q proposals[1]
        for found in (complete -C "'' "(string replace -- "$option" '' $word))
            echo -- "$option$found"
        end
    end
end

complete -c ham -f -a '(__ham_complete)'
"""

SCRIPTS = {"bash": _BASH.strip(), "zsh": _ZSH.strip(), "fish": _FISH.strip()}
"""Each hands the line to ``ham`` (see `completing.answer`) and shows what it answers: ``completions/`` holds them as files."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "completion", examples=EXAMPLES, without=("cache_dir",))(completion)


def completion(
    run: Run,
    shell: Annotated[
        str,
        typer.Argument(metavar="|".join(SCRIPTS), show_default=False, autocompletion=one_of(*SCRIPTS), help="The shell it is for."),
    ],
) -> int:
    """Print the script that makes a shell complete commands, options, components, splits and words of columns.

    Write it where the shell looks for such scripts, and open a new shell. It asks ham at every TAB, so it stays right when
    ham is upgraded. zsh looks into the folders of fpath.
    """
    if shell not in SCRIPTS:
        raise WrongUsageError("there is no completion for this shell", expected=", ".join(SCRIPTS), got=shell)
    run.console.out(SCRIPTS[shell])
    run.console.result = {"shell": shell, "script": SCRIPTS[shell] + "\n"}
    return 0
