package inspection

import "slices"

// Groups are the kinds of checks, in the order in which they are judged and shown.
func Groups() []string {
	return []string{"elf", "libraries", "symbols", "commands", "hierarchy", "users", "init", "packaging"}
}

// Checks gives those of a kind; "" gives all.
func Checks(group string) []Check {
	by := map[string]func() []Check{
		"elf": elfChecks, "libraries": libraryChecks, "symbols": symbolChecks, "commands": commandChecks,
		"hierarchy": hierarchyChecks, "users": userChecks, "init": initChecks, "packaging": packagingChecks,
	}
	var all []Check
	for _, g := range Groups() {
		if group == "" || g == group {
			all = append(all, by[g]()...)
		}
	}
	for i := range all {
		all[i].Needs = slices.Insert(slices.Clone(all[i].Needs), 0, Userland)
	}
	return all
}
