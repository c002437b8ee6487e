package config

import "fmt"

// maxTargets bounds what braces and matrices make of one name.
const maxTargets = 1000

// Braces expands {a,b} as shells do: uml:debian-{11,12} becomes two. Braces without a comma stay as
// they are.
func Braces(text string) ([]string, error) {
	done, todo := []string{}, []string{text}
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		before, choices, after, ok := group(s)
		if !ok {
			done = append(done, s)
			continue
		}
		var all []string
		for _, c := range choices {
			all = append(all, before+c+after)
		}
		todo = append(all, todo...)
		if len(done)+len(todo) > maxTargets {
			return nil, fmt.Errorf("%.80q stands for more than %d names", text, maxTargets)
		}
	}
	return done, nil
}

// group finds the first braces with a comma.
func group(s string) (before string, choices []string, after string, ok bool) {
	for open := range len(s) {
		if s[open] != '{' {
			continue
		}
		depth, from := 0, open+1
		choices = nil
		for i := open; i < len(s); i++ {
			switch s[i] {
			case '{':
				depth++
			case ',':
				if depth == 1 {
					choices = append(choices, s[from:i])
					from = i + 1
				}
			case '}':
				if depth--; depth == 0 && choices != nil {
					return s[:open], append(choices, s[from:i]), s[i+1:], true
				}
			}
			if depth == 0 {
				break
			}
		}
	}
	return "", nil, "", false
}
