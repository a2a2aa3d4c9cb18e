# bash completion for ampql
_ampql() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local source='--source --as --on-conflict --stale-after --skip-histograms --allow-partial'
    source="$source --header --http.config.file --sign --endpoint --region --profile --role-arn --external-id"
    source="$source --session-name --ca-file --cert-file --key-file --insecure-http --compress --concurrency --chunk"
    source="$source --retries --request-timeout --progress --max-billed-samples"
    local limits='--dialect --timeout --max-samples --max-series --stats --error-format --help'
    local run="--lookback-delta --max-subquery-points --enable --experimental --max-depth --delayed-name-removal $limits"
    local write='--remote-write --remote-write.config.file --remote-write.max-samples --remote-write.state --dry-run'
    local rules='--rules --recorded --rule-phase --rule-markers'
    local times='--time --start --end --step --max-points --now'
    local words=
    case $before in
    --source | -s | --junit | --out | --rules | --key-file | --map)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --dialect) words='auto prom3 prom2' ;;
    --output | -o) words='table json csv promql openmetrics ndjson summary' ;;
    --to) words='capture json openmetrics csv dump unittest' ;;
    --drop) words='ends nans grids windows warnings lists times' ;;
    --on-conflict) words='error last' ;;
    --error-format) words='text json' ;;
    --compress) words='auto on off' ;;
    --progress) words='auto json none' ;;
    --as) words='raw' ;;
    --enable) words='experimental delayed-name-removal' ;;
    --name-removal) words='delayed immediate' ;;
    --recorded) words='prefer-local prefer-stored error' ;;
    --rule-markers) words='on off' ;;
    --caps) words='samples answers' ;;
    --prices | --html) compopt -o default ;;
    --queries) words='2024 2026' ;;
    --provider) words='aws gcp' ;;
    --aggregate | -a)
        words='cluster node namespace pod container controller controllerKind deployment statefulset daemonset job service'
        words="$words label: annotation: department environment owner product team all"
        ;;
    --accumulate) words='all hour day week month' ;;
    --share-split) words='weighted even' ;;
    --window | -w) words='today yesterday week lastweek month lastmonth 24h 7d' ;;
    *)
        if [ "$COMP_CWORD" = 1 ]; then
            words='query fetch explain series labels allocate serve rules capture fmt functions test doctor whoami version help --version'
        elif [ "$before" = rules ]; then
            words='check eval backfill run'
        elif [ "$before" = capture ]; then
            words='ls show verify convert merge redact diff'
        else
            case $command in
            query) words="--output --record $rules $source $times $run" ;;
            fetch) words="--out --append --dry-run --interval --price $rules $source $times $run" ;;
            explain) words="--output --caps $rules $source $times $run" ;;
            series) words="--output --record --start --end $rules $source $limits" ;;
            labels) words="--output --record --match --start --end $rules $source $limits" ;;
            serve)
                words="--listen --token-file --host --prefix --workers --max-queue --max-connections --max-request-bytes"
                words="$words --max-answer-bytes --idle-timeout --stop-timeout --access-log --queries --pod-uids"
                words="$words --cluster-label --cluster-id --filter-cluster $rules $source $run"
                ;;
            allocate)
                words="--window --aggregate --filter --step --accumulate --html --share-idle --idle-by-node --share-namespaces"
                words="$words --share-labels --share-cost --share-split --share-breakdown --aggregated-metadata --proportional-assets --share-balancers --threads --labels-of --resolution --now --cluster-label --cluster-id --queries --provider --pod-uids"
                words="$words --node-labels --quirk --max-duration --idle --split-idle --filter-cluster --default-price"
                words="$words --prices --custom-prices --discount --negotiated-discount --strict --print-queries --output --record"
                words="$words $rules $source $limits"
                ;;
            rules)
                words="--output --record --time --now --start --end --step --out --strict --cluster-label --fail-on --list --once --delay --catch-up"
                words="$words --recorded --rule-phase --rule-markers $write $source $run"
                ;;
            capture) words='--output --rescue --to --drop --key-file --keep-label --keep-value --keep-order --map --as --on-conflict --stale-after --skip-histograms --error-format --help' ;;
            fmt) words='--check --enable --experimental --max-depth --error-format --help' ;;
            test)
                words='--dialect --name-removal --enable --max-samples --junit --coverage --quiet --error-format --help'
                ;;
            doctor) words="--rules --cluster-label --cluster-id --start --end --output $source $limits" ;;
            whoami) words='--source --profile --region --role-arn --external-id --session-name --output --error-format --help' ;;
            functions | version) words='--output --error-format --help' ;;
            help) words='query fetch explain series labels allocate serve rules capture fmt functions test doctor whoami version' ;;
            esac
            case $command in
            rules | test | capture)
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -W "$words" -- "$word")
                return
                ;;
            esac
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _ampql ampql
