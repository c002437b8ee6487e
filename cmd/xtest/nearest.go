package main

import (
	"cmp"
	"slices"
	"strings"
)

// nearest gives up to three of the known names that look like what was typed, best first.
func nearest(typed string, known []string) []string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	for _, k := range known {
		d := distance(typed, k)
		if strings.Contains(k, typed) && len(typed) >= 3 {
			d = 1
		}
		if d <= max(2, len(k)/3) {
			list = append(list, near{k, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, n := range list[:min(3, len(list))] {
		names = append(names, n.name)
	}
	return names
}

// distance is Levenshtein's: how many letters must be added, taken away or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
