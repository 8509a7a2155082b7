// SPDX-License-Identifier: Apache-2.0

package xmlstream

// Limits bounds what a Reader accepts. A zero field means its default.
type Limits struct {
	Depth      int   // open elements: 256
	Size       int64 // bytes of the document: 1 GiB
	Tag        int   // bytes of one tag: 256 KiB
	Name       int   // bytes of one name with its prefix: 1,024
	Attrs      int   // attributes of one element, declarations apart: 128
	AttrValue  int   // bytes of one attribute's value: 64 KiB
	Text       int   // bytes of one text, comment or processing instruction: 16 MiB
	Namespaces int   // namespace declarations in scope: 256
}

func (l Limits) orDefault() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	if l.Size <= 0 {
		l.Size = 1 << 30
	}
	set(&l.Depth, 256)
	set(&l.Tag, 256<<10)
	set(&l.Name, 1024)
	set(&l.Attrs, 128)
	set(&l.AttrValue, 64<<10)
	set(&l.Text, 16<<20)
	set(&l.Namespaces, 256)
	return l
}
