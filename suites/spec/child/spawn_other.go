//go:build !amd64

package child

import "errors"

func executable() (int, error) { return -1, errors.ErrUnsupported }

// spawn is for processors whose interpreter is written in assembly.
func (p *Program) spawn(uintptr) (int, error) { return 0, errors.ErrUnsupported }
