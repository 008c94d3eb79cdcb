/** The shells that completion is there for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** @see SHELLS */
export type Shell = (typeof SHELLS)[number];

/** The command that the scripts ask: the words behind its `--` are those of the line, the last one the one to complete. */
export const ASK = "__complete";

/**
 * What a shell has to be told. `millrace __complete` answers with a line for each candidate (the whole word, a tab, a
 * description) and a last one that says which paths may stand there: `:none`, `:files`, `:yaml` or `:folders`. The line
 * that is typed is handed over word by word and is never evaluated.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  // Without the package bash-completion, and with the bash of macOS (3.2), which has neither mapfile nor compopt.
  bash: `# bash completion for millrace: eval "$(millrace completion bash)"

_millrace() {
  local line=\${COMP_LINE:0:COMP_POINT} count=0 at gap word paths=none candidate path
  local -a words
  # Bash has split words at ":" and "="; those with nothing between them are one.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    gap=\${line%%[![:space:]]*}
    line=\${line#"$gap"}
    word=\${COMP_WORDS[at]}
    ((at == COMP_CWORD)) && word=$line
    line=\${line#"$word"}
    if [[ -n $gap || $count -eq 0 ]]; then
      words[count]=$word
      ((count++))
    else
      words[count - 1]+=$word
    fi
  done
  word=\${words[count - 1]}
  # What readline replaces begins behind the last of them.
  local kept="" last
  last=\${word##*[:=]}
  [[ $COMP_WORDBREAKS == *[:=]* ]] && kept=\${word%"$last"}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    case $candidate in
      :*) paths=\${candidate#:} ;;
      *) COMPREPLY+=("\${candidate#"$kept"}") ;;
    esac
  done < <(millrace ${ASK} -- "\${words[@]:1}" 2>/dev/null)
  [[ $paths == none ]] && return
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do
    [[ $paths == files || -d $path || ($paths == yaml && ($path == *.yaml || $path == *.yml)) ]] && COMPREPLY+=("$path")
  done < <(compgen -f -- "$last")
}

complete -F _millrace millrace
`,
  zsh: `#compdef millrace
# zsh completion for millrace: source <(millrace completion zsh), after compinit

_millrace() {
  local line paths=none
  local -a answer described
  answer=("\${(@f)$(millrace ${ASK} -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in $answer; do
    case $line in
      :*) paths=\${line#:} ;;
      *) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  case $paths in
    files) _files ;;
    yaml) _files -g '*.(yaml|yml)' ;;
    folders) _files -/ ;;
    *) _describe -V 'millrace' described ;;
  esac
}

if [ "$funcstack[1]" = "_millrace" ]; then
  _millrace "$@"
else
  compdef _millrace millrace
fi
`,
  fish: `# fish completion for millrace: millrace completion fish | source

function __millrace_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in (millrace ${ASK} -- $before[2..-1] "$current" 2>/dev/null)
        switch $line
            case :none
            case :files
                __fish_complete_path "$current"
            case :yaml
                __fish_complete_suffix .yaml
            case :folders
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end

complete -c millrace -f -a '(__millrace_complete)'
`,
};
