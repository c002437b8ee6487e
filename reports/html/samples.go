package html

import (
	"cmp"
	"slices"

	"xtest/runner/event"
)

const (
	maxSeries = 2000 // of one run
	maxKept   = 2048 // measurements of one series
)

// Samples are a run's measurements. However many there are, few are kept: of a series that grows too long every
// second one goes, again and again, so that what is left stands for all of it.
type Samples struct {
	series []*Series
	by     map[seriesKey]*Series
	// Left counts measurements of series beyond the first 2000.
	Left int
}

type seriesKey struct{ target, name, unit string }

// Series is what was measured of one benchmark on one target.
type Series struct {
	Target, Name, Unit string
	Count              int // of all that were measured
	Min, Max           float64
	values             []value
	stride             int // every so many is kept
}

type value struct {
	boot int
	v    float64
}

func newSamples() *Samples { return &Samples{by: map[seriesKey]*Series{}} }

func (s *Samples) add(e event.Event) {
	if e.Kind != event.Sampled || e.Sample == nil || e.Target == "" {
		return
	}
	k := seriesKey{e.Target, e.Sample.Name, e.Sample.Unit}
	one := s.by[k]
	if one == nil {
		if len(s.series) >= maxSeries {
			s.Left++
			return
		}
		one = &Series{Target: k.target, Name: k.name, Unit: k.unit, Min: e.Sample.Value, Max: e.Sample.Value, stride: 1}
		s.by[k] = one
		s.series = append(s.series, one)
	}
	one.add(e.Boot, e.Sample.Value)
}

func (s *Series) add(boot int, v float64) {
	s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	if s.Count%s.stride == 0 {
		if len(s.values) == maxKept {
			for i := range maxKept / 2 {
				s.values[i] = s.values[2*i]
			}
			s.values = s.values[:maxKept/2]
			s.stride *= 2
		}
		if s.Count%s.stride == 0 {
			s.values = append(s.values, value{boot, v})
		}
	}
	s.Count++
}

// Values are those that were kept, sorted. Several of one boot depend on each other: where there are several
// boots, each gives the median of its own.
func (s *Series) Values() (list []float64, boots bool) {
	byBoot := map[int][]float64{}
	for _, v := range s.values {
		byBoot[v.boot] = append(byBoot[v.boot], v.v)
		list = append(list, v.v)
	}
	if len(byBoot) > 2 {
		boots, list = true, list[:0]
		for _, vs := range byBoot {
			slices.Sort(vs)
			list = append(list, quantile(vs, 0.5))
		}
	}
	slices.Sort(list)
	return list, boots
}

// quantile is that of sorted values, between the nearest two (type 7 of Hyndman and Fan).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	next := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[next]-sorted[i])
}

func compareSeries(a, b *Series) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Target, b.Target))
}
