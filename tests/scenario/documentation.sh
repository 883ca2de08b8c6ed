#!/bin/bash
# What the administrator's guide says of options, routes, commands and files is what the programs say.
# build: release
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"

DOCS=$ROOT/deploy/docs

# same WHAT EXPECTED FOUND: two sorted lists, one from the sources and one from a page.
same()
{
	diff "$2" "$3" || fail "$1: the sources (<) and the page (>) differ"
	(($(wc -l <"$2") > 3)) || fail "$1: nothing was read"
}

note "options"
"$DOCS/options.sh" --check "$BIN/braidd" || fail "deploy/docs/options.sh brings configuration.md up to date"

note "routes"
sed -n 's/^\t{ "\([A-Z]*\)", \(V1 \)\{0,1\}"\([^"]*\)".*/\1 \2\3/p' "$ROOT/api/routes.c" |
	sed 's,V1 ,/api/v1,' | grep -v '/[a-z]*\.[a-z]*$' | sort >routes
sed -n 's/^| \([A-Z]*\) | `\(\/[^`]*\)` |.*/\1 \2/p' "$DOCS/api.md" | sort >routes.page
same routes routes routes.page

note "commands"
"$BIN/braidctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >commands
sed -n '/^| command /,/^$/p' "$DOCS/braidctl.md" | grep -o '`[a-z]*' | tr -d '`' | grep -xFf commands |
	sort -u >commands.page
same commands commands commands.page

note "events"
cat "$ROOT"/gateway/*.c "$ROOT"/gateway/engine/*.c | tr -d '\n' | grep -oE '"(info|warning|error)",\s*"[a-z-]+"|= "host-[a-z]+"' |
	grep -oE '"[a-z-]+"$' | sort -u >events
sed -n '/^| type /,/^$/p' "$DOCS/api.md" | cut -d'|' -f2 | grep -oE '`[a-z-]+`' | tr '`' '"' | sort -u >events.page
same events events events.page

note "examples"
install -d -m 0700 secrets
for secret in host1 host2 host2-mutual array-a; do
	(umask 077; openssl rand -hex 16 >"secrets/$secret")
done
cp "$ROOT"/deploy/examples/*.json .
for example in *.json; do
	"$BIN/braidd" --config "$example" --check-config || fail "deploy/examples/$example"
done

note "links between the pages"
for page in "$ROOT"/README.md "$ROOT"/*/README.md "$ROOT"/deploy/*/*.md; do
	grep -oE '\]\([^)]*\)' "$page" | sed 's/^](//; s/)$//' | grep -v '^https\?:' >links || continue
	while IFS='#' read -r file anchor; do
		file=$(dirname "$page")/$file
		[[ $file != */ ]] || file=$page
		[[ -e $file ]] || fail "$page: there is no $file"
		[[ -z $anchor ]] || sed -n 's/^##* //p' "$file" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' |
			grep -qxF -- "$anchor" || fail "$page: $file has no #$anchor"
	done <links
done
