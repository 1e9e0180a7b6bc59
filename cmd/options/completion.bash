# bash completion for weir; made by: weir completion bash
_weir() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local path= words= options= kind= value= word i given=()
    local commands='@{commands}'
    COMPREPLY=()
    if [[ $current == = ]]; then current=; fi
    if [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        @{with_value})
            [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))
            ((i++))
            ((i < COMP_CWORD)) && case $word in @{stack_with_value})
                given+=("$word" "$(printf %s "${COMP_WORDS[i]/#\~/$HOME}" | tr -d \\\\\'\")") ;;
            esac ;;
        @{stack_without}) given+=("$word") ;;
        -*) ;;
        *)
            case $path in
            '') path=$word ;;
            @{parents}) path="$path $word" ;;
            esac ;;
        esac
    done
    case $path in
    '') words=$commands options='--help --version' ;;
@{cases}    esac
    if [[ -z $value && $current == -* ]]; then kind='' words=$options; fi
    case $kind in
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    dir) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    address | job | env | connection)
        case $kind in
        address) words='state list' ;;
        job) words='jobs --names' ;;
        env) words='completion environments' ;;
        connection) words='completion connections' ;;
        esac
        while IFS= read -r word; do
            [[ $word == "$current"* ]] && COMPREPLY+=("$word")
        done < <(weir $words "${given[@]}" 2>/dev/null) ;;
    type)
        word=${COMP_LINE:0:COMP_POINT} word=${word##* }
        mapfile -t COMPREPLY < <(compgen -W "$(weir completion types 2>/dev/null)" -- "$word")
        if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
            word=${word%"${word##*:}"}
            COMPREPLY=("${COMPREPLY[@]#"$word"}")
        fi ;;
    command) words=$commands ;;&
    '' | command) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    esac
}
complete -o filenames -F _weir weir
