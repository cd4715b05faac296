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
