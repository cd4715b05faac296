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
