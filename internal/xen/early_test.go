package xen

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestEarly(t *testing.T) {
	list := Earlies()
	if len(list) < 150 {
		t.Fatalf("%d calls are to be made", len(list))
	}
	b, err := EncodeEarly(list)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeEarly(b); err == nil || !strings.Contains(err.Error(), "made 0 of") {
		t.Errorf("of calls that are not made: %v", err)
	}
	le := binary.LittleEndian
	for i, r := 0, b[EarlyCalls-EarlyTable:]; le.Uint32(r[EarlyState:]) == EarlyWanted; i, r = i+1, r[EarlySize:] {
		le.PutUint32(r[EarlyState:], EarlyMade)
		le.PutUint32(r[EarlyResult:], uint32(-i))
	}
	got, err := decodeEarly(b)
	if err != nil || len(got) != len(list) {
		t.Fatalf("%d of %d were read back: %v", len(got), len(list), err)
	}
	for i, e := range got {
		if e.Number != list[i].Number || e.Args != list[i].Args || e.Result != int32(-i) {
			t.Errorf("call %d: %+v, expected %+v", i, e, list[i])
		}
	}
	b[0]++
	if _, err := decodeEarly(b); err == nil || !strings.Contains(err.Error(), "no firmware") {
		t.Errorf("of another table: %v", err)
	}
	if _, err := EncodeEarly(make([]Early, 4000)); err == nil {
		t.Error("4000 calls fit into the table")
	}
}
