package elfmaker

import "fmt"

// Outcomes reads what a program of so many steps wrote. Before it may stand what its functions wrote,
// which is given apart.
func Outcomes(output string, steps int) (outcomes []Outcome, before string, err error) {
	size := 16 * steps
	if len(output) < size {
		return nil, output, fmt.Errorf("the program wrote %d bytes, %d steps give %d", len(output), steps, size)
	}
	before = output[:len(output)-size]
	for b := []byte(output[len(before):]); len(b) > 0; b = b[16:] {
		outcomes = append(outcomes, Outcome{int64(le.Uint64(b)), int32(le.Uint64(b[8:]))})
	}
	return outcomes, before, nil
}
