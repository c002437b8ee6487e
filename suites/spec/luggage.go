package spec

// Luggage is what a spec that moves takes from its first machine to its second: a part of a disk.
type Luggage struct {
	Disk     string // a block device
	At, Size int64  // the part, in bytes; it holds zeros at first
	Arrived  bool   // this is the second machine
}

// Luggage is that of a spec that moves (see [Meta]). Where a machine shares no disk with another the spec
// is not applicable.
func (t *T) Luggage() Luggage {
	l, has := environment.Luggage[t.listed.ID]
	if !has {
		t.NotApplicable("a second machine: this one shares no disk with another")
	}
	return l
}
