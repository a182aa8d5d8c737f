"""The price book: what models cost the platform."""

from collections.abc import Sequence
from functools import cached_property

from django.db import models
from django.db.models import Q

from billing.models.dated import Dated, dated_constraints, not_negative
from tokens.models.fields import money, uuid_key

CLASS_PRICES = (
    *("input_usd_per_million", "cache_read_usd_per_million"),
    *("cache_write_short_usd_per_million", "cache_write_long_usd_per_million"),
    *("input_audio_usd_per_million", "input_image_usd_per_million"),
    *("output_usd_per_million", "output_reasoning_usd_per_million"),
    *("output_audio_usd_per_million", "output_image_usd_per_million"),
    *("tool_usd_per_thousand", "media_usd_per_hour"),
)
STANDARD = "standard"
# What providers call the tier that everybody gets who asks for no other; an empty one is that of a server without any.
STANDARD_NAMES = frozenset({"", "default", STANDARD})


class ClassPrices(models.Model):
    """US dollars per million tokens of each class, per thousand tool requests, and per hour of audio or video.

    A class without a price of its own costs what the class costs that it is part of: cached input, audio and images
    what input costs, a long cache write what a short one does, reasoning what output costs. Tools and hours are part
    of nothing: without a price, their cost is not known.
    """

    input_usd_per_million = money()
    cache_read_usd_per_million = money()
    cache_write_short_usd_per_million = money()
    cache_write_long_usd_per_million = money()
    input_audio_usd_per_million = money()
    input_image_usd_per_million = money()
    output_usd_per_million = money()
    output_reasoning_usd_per_million = money()
    output_audio_usd_per_million = money()
    output_image_usd_per_million = money()
    tool_usd_per_thousand = money()
    media_usd_per_hour = money()

    class Meta:
        abstract = True


class PriceVersion(ClassPrices, Dated):
    """Price of one model from a date on: the standard tier here, other tiers and long inputs in ``rates``.

    Usage logs name it: it is never edited. One that is not in force yet may be withdrawn.
    """

    id = uuid_key()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    kind = models.CharField(max_length=16)
    source = models.CharField(max_length=64, help_text="Package and version, or who overrode it.")

    class Meta:
        db_table = "billing_price_version"
        constraints = (
            *dated_constraints("provider", "model", table="billing_price_version"),
            not_negative(*CLASS_PRICES, table="billing_price_version"),
            models.CheckConstraint(
                condition=Q(kind__in=("listed", "override", "free")), name="billing_price_version_known_kind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} from {self.effective_from:%Y-%m-%d}"

    @cached_property
    def known_rates(self) -> Sequence["PriceRate"]:
        """Rates beside the standard one; read once, as they never change."""
        return () if self._state.adding else tuple(self.rates.all())

    def find_rate(self, service_tier: str, input_tokens: int) -> ClassPrices | None:
        """Find the prices of a request of ``input_tokens`` in all, at the tier that the provider says it billed.

        None: the price does not list the tier. What such a call cost is not known.
        """
        tier = STANDARD if service_tier in STANDARD_NAMES else service_tier
        found: ClassPrices | None = self if tier == STANDARD else None
        reached = -1
        for rate in self.known_rates:
            if rate.service_tier == tier and reached < rate.above_input_tokens and rate.applies_to(input_tokens):
                found, reached = rate, rate.above_input_tokens
        return found


class PriceRate(ClassPrices):
    """Prices of a model at another service tier, or when a request's input is longer than ``above_input_tokens``.

    The whole request is priced by it, not the part above. All classes stand here: nothing is taken over from the
    version's own columns. Batches and Anthropic's fast mode are tiers like others.
    """

    version = models.ForeignKey(PriceVersion, on_delete=models.CASCADE, related_name="rates")
    service_tier = models.CharField(max_length=32, default=STANDARD)
    above_input_tokens = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "billing_price_rate"
        ordering = ("service_tier", "above_input_tokens")
        constraints = (
            models.UniqueConstraint(
                fields=("version", "service_tier", "above_input_tokens"), name="billing_price_rate_once"
            ),
            models.CheckConstraint(
                condition=~Q(service_tier=STANDARD, above_input_tokens=0),
                name="billing_price_rate_beside_the_versions_own",
            ),
            not_negative(*CLASS_PRICES, table="billing_price_rate"),
        )

    def __str__(self) -> str:
        return f"{self.service_tier} above {self.above_input_tokens:,} tokens"

    def applies_to(self, input_tokens: int) -> bool:
        """Whether a request of that much input is priced by this rate, if no rate for a longer one is."""
        return self.above_input_tokens == 0 or input_tokens > self.above_input_tokens
