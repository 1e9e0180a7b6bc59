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
complete -c weir -f
@{cases}