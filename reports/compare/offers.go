package compare

import (
	"fmt"
	"strings"

	"xtest/internal/facts"
	"xtest/reports"
)

// maxNames is how many names of a kind the table shows; JSON has them all.
const maxNames = 12

// offers writes what two root file systems offer to programs: what is gone first.
func (t *text) offers(d *facts.Difference) error {
	symbols := facts.Names{}
	for _, n := range d.Symbols {
		symbols.Gone = append(symbols.Gone, n.Gone...)
		symbols.New = append(symbols.New, n.New...)
		symbols.Changed = append(symbols.Changed, n.Changed...)
	}
	var rows [][]string
	for _, k := range []struct {
		title string
		facts.Names
	}{{"libraries", d.Libraries}, {"symbols", symbols}, {"commands", d.Commands}, {"packages", d.Packages}, {"users", d.Users}, {"groups", d.Groups}} {
		rows = append(rows, []string{k.title, count(len(k.Gone)), count(len(k.New)), count(len(k.Changed))})
	}
	t.b.WriteByte('\n')
	if err := t.rows([]string{"offers", "gone", "new", "changed"}, rows); err != nil {
		return err
	}
	t.names("libraries", d.Libraries)
	if len(d.Moved) > 0 {
		byWay := map[string]int{}
		var ways []string
		for _, m := range d.Moved {
			way := m.Was + " → " + m.Now
			if byWay[way]++; byWay[way] == 1 {
				ways = append(ways, way)
			}
		}
		for _, w := range ways {
			fmt.Fprintf(&t.b, "\nsymbols moved  %s: %d, which programs still bind to\n", reports.Clean(w), byWay[w])
		}
	}
	for _, n := range d.Symbols {
		t.names("symbols of "+n.Of, n)
	}
	t.names("commands", d.Commands)
	t.names("users", d.Users)
	t.names("groups", d.Groups)
	return nil
}

func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// names writes lists of what is gone, new and changed.
func (t *text) names(kind string, n facts.Names) {
	list := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		more := ""
		if len(names) > maxNames {
			more = fmt.Sprintf(" and %d more; --json has them all", len(names)-maxNames)
			names = names[:maxNames]
		}
		clean := make([]string, len(names))
		for i, name := range names {
			clean[i] = reports.Clean(name)
		}
		fmt.Fprintf(&t.b, "\n%s %s\n", reports.Clean(kind), what)
		for _, l := range reports.Wrap(strings.Join(clean, ", ")+more, t.Width-4) {
			t.b.WriteString("    " + l + "\n")
		}
	}
	list("gone", n.Gone)
	list("new", n.New)
	var changed []string
	for _, c := range n.Changed {
		changed = append(changed, fmt.Sprintf("%s (%s → %s)", c.Name, c.Was, c.Now))
	}
	list("changed", changed)
}
