package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
)

// checksums writes SHA256SUMS as sha256sum(1) checks it, over the files that are given away.
func (r *release) checksums() error {
	files, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		data, err := os.ReadFile(r.path(f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), f.Name())
	}
	return os.WriteFile(r.path("SHA256SUMS"), []byte(sums.String()), 0o644)
}
