"""The patterns by which cases of one cause are found."""

from typing import ClassVar

from django.db import models

from exceptions.models.cases import Case


class CaseSign(models.Model):
    """One pattern that a case shows; the one it shares with the most is its cause."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="signs")
    sign = models.CharField(max_length=160)  # amount:paid_vs_invoiced:EUR:-30

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "sign"], name="case_sign_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["sign", "case"], name="case_by_sign")]

    def __str__(self) -> str:
        return self.sign
