# fish completion for weir; made by: weir completion fish
function __weir_ask
    set -l given
    set -l option
    for word in (commandline -opc)
        if set -q option[1]
            set given $given $option $word
            set option
            continue
        end
        switch $word
            case@{with_next}
                set option $word
            case@{words}
                set given $given $word
        end
    end
    weir $argv $given 2>/dev/null
end
# is WORDS, in WORDS: whether the command is this one, or begins with these words; options may be before them.
function __weir_command
    set -l path
    set -l option
    for word in (commandline -opc)
        if set -q option[1]
            set option
            continue
        end
        switch $word
            case@{with_next}
                set option $word
            case '-*'
            case '*'
                set path $path $word
        end
    end
    set -e path[1]
    if test $argv[1] = in; and test (count $path) -ge (count $argv)
        set path $path[1..(math (count $argv) - 1)]
    end
    set -e argv[1]
    test "$path" = "$argv"
end
complete -c weir -f
@{cases}