"""What is registered for a class is there for it and for what inherits from it, once."""

import pytest

from fewbit.golden.registry import ByClass


class Animal:
    pass


class Cat(Animal):
    pass


def test_the_nearest_class_counts():
    sound = ByClass("sound")
    sound(Animal)("some")
    assert sound.of(Cat()) == sound.of(Animal()) == "some"
    assert sound(Cat)("meow") == "meow"
    assert (sound.of(Cat()), sound.of(Animal())) == ("meow", "some")
    assert Cat in sound and int not in sound


def test_several_classes_at_once():
    sound = ByClass("sound")

    @sound(Cat, int)
    def purr():
        """It is given back as it is."""

    assert sound.of(Cat()) is sound.of(3) is purr


def test_errors_name_the_class():
    sound = ByClass("sound")
    with pytest.raises(TypeError, match="^Cat has no sound$"):
        sound.of(Cat())
    sound(Cat)("meow")
    with pytest.raises(TypeError, match="^Cat has two of: sound$"):
        sound(Animal, Cat)("some")
