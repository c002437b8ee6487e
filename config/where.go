package config

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// find gives the node at a path of keys (strings) and indices (ints) below n, or the last one on the
// way to it that is there, as when an alias stands in between. With key it is the last key's own node.
func find(n ast.Node, key bool, path ...any) ast.Node {
	for i, step := range path {
		next := child(n, step, key && i == len(path)-1)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(n ast.Node, step any, key bool) ast.Node {
	if a, ok := n.(*ast.AnchorNode); ok {
		n = a.Value
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if text, ok := step.(string); ok && v.Key.GetToken() != nil && v.Key.GetToken().Value == text {
				if key {
					return v.Key
				}
				return v.Value
			}
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}

// order gives the keys of a decoded mapping in the order in which they stand at the path. Those that
// come from elsewhere, through aliases and merges, follow sorted.
func order[T any](root ast.Node, decoded map[string]T, path ...any) []string {
	n := root
	for _, step := range path {
		if n = child(n, step, false); n == nil {
			break
		}
	}
	if a, ok := n.(*ast.AnchorNode); ok {
		n = a.Value
	}
	var names []string
	if m, ok := n.(*ast.MappingNode); ok {
		for _, v := range m.Values {
			name := v.Key.GetToken().Value
			if _, ok := decoded[name]; ok {
				names = append(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(decoded)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// source gives a scalar as it was written: 1.10 is not to become 1.1 on its way through a number.
func source(n ast.Node, decoded string) string {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value
	}
	return decoded
}
