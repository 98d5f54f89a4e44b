"""The rules: an offline reader of English news, frozen.

They read press releases in one style very well and other styles fairly; what fails fails by
discourse: which event a sentence belongs to, whose home a place is, who is told twice. More rules
won't mend that. **What is found wrong from now on is the work of a stronger reader behind the
seam** (:mod:`riskmap.incidents.articles.answers`); here only mistakes in what a rule already
promises are mended. Their records are drafts until an analyst or a second reader agrees.
"""
