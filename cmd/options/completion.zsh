#compdef weir
# zsh completion for weir; made by: weir completion zsh
_weir_ask() {
    local -a given lines
    local i
    for ((i = 1; i < CURRENT; i++)); do
        case $words[i] in
        @{stack_with_value})
            ((i++))
            ((i < CURRENT)) && given+=($words[i-1] "${(Q)words[i]/#\~/$HOME}") ;;
        @{stack_words}) given+=("${(Q)words[i]}") ;;
        esac
    done
    lines=(${(f)"$(weir $* $given 2>/dev/null)"})
    compadd -a lines
}
_weir_addresses() { _weir_ask state list }
_weir_jobs() { _weir_ask jobs --names }
_weir_environments() { _weir_ask completion environments }
_weir_connections() { _weir_ask completion connections }
_weir_types() {
    compadd -- ${(f)"$(weir completion types 2>/dev/null)"}
}
_weir_commands() {
    local -a commands
    commands=(@{described})
    _describe command commands
}
_weir() {
    local -a subs first
    local command n
    while (( CURRENT > 2 )) && [[ $words[2] == -* ]]; do # options before the command: as if they came after it
        n=1
        case $words[2] in @{stack_with_value}) n=2 ;; esac
        (( CURRENT > n + 1 )) || return
        first+=("${(@)words[2,n+1]}")
        words[2,n+1]=()
        (( CURRENT -= n ))
    done
    if (( CURRENT == 2 )); then
        _weir_commands
        return
    fi
    command=$words[2]
    case $command in
    @{parents})
        if (( CURRENT > 3 )); then
            command="$command $words[3]"
            shift words; (( CURRENT-- ))
        fi ;;
    esac
    words[1,2]=("$words[2]" "${first[@]}")
    (( CURRENT += $#first - 1 ))
    case $command in
@{cases}    esac
}
if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
